"""Vietnamese words for no, from the sources of panel servers: in rows, and as ``msg`` beside an English ``error``."""

from __future__ import annotations

from smmclient.dialect.refusals.table import Fault, Part, Texts
from smmclient.errors import (
    AccountSuspended,
    AuthenticationFailed,
    DuplicateOrder,
    InsufficientFunds,
    InvalidLink,
    InvalidQuantity,
    NotCancelable,
    NotRefillable,
    Overloaded,
    UnknownOrder,
    UnknownService,
)

__all__ = ["FAULTS", "PARTS", "TEXTS"]

TEXTS: Texts = {
    # Said before the request is looked at.
    Overloaded: ("Hệ thống đang bảo trì!",),
    AuthenticationFailed: ("Vui lòng đăng nhập",),
    AccountSuspended: ("Bạn đã bị khoá tài khoản vì gian lận",),
    DuplicateOrder: ("Liên kết này đang hoạt động trên hệ thống. Vui lòng đợi đơn hàng hoàn thành !",),
    InsufficientFunds: ("Số dư không đủ", "Số dư không đủ, vui lòng nạp thêm"),
    UnknownService: ("Dịch vụ không tồn tại", "Vui lòng chọn dịch vụ"),
    InvalidLink: ("Vui lòng nhập liên kết", "Đường liên kết không hợp lệ hoặc chứa ký tự nguy hiểm."),
    InvalidQuantity: ("Vui lòng nhập số lượng", "Số lượng tối thiểu là 10", "Số lượng tối đa là 500"),
    UnknownOrder: ("Vui lòng nhập mã đơn hàng",),
    NotCancelable: (
        "Dịch vụ này không hỗ trợ hủy đơn",
        "Đơn hàng này đã hoàn thành hoặc đã bị hủy",
        "Đơn hàng này đang trong quá trình hủy",
        "Đơn hàng này đã được hủy trước đó rồi",
    ),
    NotRefillable: (
        "Dịch vụ này không hỗ trợ bảo hành",
        "Đơn hàng phải ở trạng thái hoàn thành mới có thể bảo hành",
        "Đơn hàng phải hoàn thành đủ 24 giờ mới có thể bảo hành",
        "Đơn hàng này đã được yêu cầu bảo hành trước đó",
    ),
    Fault: (
        # The source takes the money first, and says these two without giving it back.
        "Dịch vụ tạm bảo trì",
        "Nhà cung cấp không tồn tại",
        "Đơn hàng đặt lịch thất bại",
        "Yêu cầu hủy đơn thất bại",
        "Yêu cầu bảo hành thất bại",
        "Máy chủ hết tài nguyên, vui lòng liên hệ admin để được hỗ trợ !",
    ),
}

FAULTS: tuple[Part, ...] = (
    # "Not created": with "contact the admin" behind it, it is said after the supplier has taken the order.
    Part(Fault, ("không được tạo thành công", "nhà cung cấp")),
    # Not seen at a panel: the language's usual words for a failure.
    Part(Fault, ("lỗi hệ thống", "đã xảy ra lỗi", "có lỗi xảy ra")),
)

PARTS: tuple[Part, ...] = (Part(InsufficientFunds, ("^số dư không đủ",)),)
