"""A run written out for people and programs: CSV, JSON Lines and one HTML page.

Rows are handed in one by one; what is kept in memory is bounded, however many there are.
"""

from smmclient.bulk.export.base import Export
from smmclient.bulk.export.csvfile import CsvExport
from smmclient.bulk.export.jsonlines import JsonLinesExport
from smmclient.bulk.export.report import HtmlExport

__all__ = ["CsvExport", "Export", "HtmlExport", "JsonLinesExport"]
