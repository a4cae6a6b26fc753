"""Turkish words for no, from the source of a panel server and the dictionary of another."""

from __future__ import annotations

from smmclient.dialect.refusals.table import Fault, Part, Texts
from smmclient.errors import (
    AuthenticationFailed,
    InsufficientFunds,
    InvalidLink,
    InvalidQuantity,
    UnknownOrder,
    UnknownService,
)

__all__ = ["FAULTS", "PARTS", "TEXTS"]

TEXTS: Texts = {
    AuthenticationFailed: (
        "Geçersiz API anahtarı",
        "API bu kullanıcı için Devre Dışı Bırak veya Kullanıcı Bulunamadı! Destek ile iletişime geçin",
    ),
    InsufficientFunds: (
        "Düşük bütçe",
        "Hesapta Yeterli Bakiyeniz Yok",
        "Sipariş vermek için yeterli paranız yok",
    ),
    UnknownService: ("Servis bulunamadı.", "Servis Kimliği Yok", "Servis mevcut değil"),
    InvalidLink: ("Geçersiz Link", "Bağlantı gerekli"),
    InvalidQuantity: ("Miktar yanlış", "Miktar gereklidir"),
    UnknownOrder: (
        "Sipariş bulunamadı.",
        "Yanlış Sipariş Kimliği (ID)",
        "Sipariş numarası gerekli parametre. Lütfen API Kılavuzunuzu kontrol edin",
    ),
    Fault: (
        # "Server in maintenance" is said when the supplier, who was asked, said no or something else.
        "Sunucu Bakımda",
        # Said after the supplier has taken the order.
        "Sistem Hatası",
        "İsteğiniz işlenirken bir hata oluştu. Lütfen daha sonra tekrar deneyiniz",
    ),
}

FAULTS: tuple[Part, ...] = (
    Part(Fault, ("bir hata oluştu", "sistem hatası")),
    # Not seen at a panel: the language's usual words for a failure.
    Part(Fault, ("sunucu hatası", "bilinmeyen hata")),
)

PARTS: tuple[Part, ...] = (
    # The number follows.
    Part(InvalidQuantity, ("^Miktar minimum miktara eşit veya daha büyük olmalıdır",)),
    Part(InvalidQuantity, ("^Miktar, maksimum miktara eşit veya daha küçük olmalıdır",)),
)
