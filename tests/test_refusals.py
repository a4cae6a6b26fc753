"""The panels' own words for no: what each means, in which shapes it comes, and what must not be taken for one."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest

from smmclient import Order, OutcomeUnknown, Refused, Support, Unavailable
from smmclient.dialect import V2, Dialect, Fault, Unreadable
from smmclient.dialect.classify import error_text
from smmclient.dialect.refusals import english, meaning_of, meaning_of_whole, normalise, others, turkish, vietnamese
from smmclient.dialect.refusals.keys import KEYS
from smmclient.dialect.refusals.table import Texts
from smmclient.errors import (
    AccountSuspended,
    AuthenticationFailed,
    Blocked,
    ConfigError,
    InsufficientFunds,
    InvalidQuantity,
    Overloaded,
    RateLimited,
    UnknownService,
)
from smmclient.wire import Operation, WireReply
from smmclient_notpanel import NOTPANEL
from smmclient_panelbon import PANELBON

TEXTS: dict[str, list[str]] = {
    "AuthenticationFailed": [
        "Invalid API key",
        "invalid API key",
        "Incorrect API key",
        "Incorrect API Key",
        "API key is required",
        "API key is incorrect",
        "API key invalid",
        "Incorrect request or API key",
        "Incorrect request: Missing key",
        "Missing key",
        "Missing/invalid key",
        "API is Disable for this user or User Not Found! Contact the Support  ",
        "api_is_disable_for_this_user_or_user_not_found_contact_the_support",
        "API access disabled",
        "API access is switched off for this account.",
        "API is disabled",
        "Invalid API key: ask support",
        "Vui lòng đăng nhập",
        "Geçersiz API anahtarı",
        "API bu kullanıcı için Devre Dışı Bırak veya Kullanıcı Bulunamadı! Destek ile iletişime geçin      ",
        "API отключен для этого пользователя или пользователь не найден! Обратитесь в службу поддержки",
        "API Key salah",
    ],
    "AccountSuspended": [
        "Account suspended",
        "Your account has been suspended.",
        "Your account is inactive",
        "This account is suspended: unpaid invoice",
        "neworder.error.account_banned",
        "Bạn đã bị khoá tài khoản vì gian lận",
    ],
    "UnknownService": [
        "Incorrect service ID",
        "Service ID does not exists",
        "service_id_does_not_exists",
        "Service not found",
        "Service not found: 17",
        "Service not found or currently unavailable.",
        "Service is inactive or not found",
        "error.incorrect_service_id",
        "neworder.error.incorrect_service_id",
        "neworder.error.service_not_found",
        "neworder.error.service_inactive",
        "error.invalid_service",
        "This service is not available via API",
        "Provider is unavailable",
        "Service is under maintenance, please try again later",
        "Service is running slow, orders may be delayed",
        "Service is temporarily stopped",
        "This service is temporarily unavailable. Please try another or contact support.",
        "Dịch vụ không tồn tại",
        "Servis bulunamadı.",
        "Servis Kimliği Yok",
        "ID услуги не существует",
        "Servicio no existe",
        "Layanan tidak ditemukan",
    ],
    "InsufficientFunds": [
        "Not enough funds on balance",
        "Not enough funds",
        "Insufficient balance",
        "Insufficient balance. Required: 1.20",
        "You have insufficient balance",
        "Low balance",
        "not_enough_funds",
        "neworder.error.not_enough_funds",
        "neworder.error.insufficient_balance",
        "Số dư không đủ, vui lòng nạp thêm",
        "Số dư không đủ. Cần thêm 5000đ",
        "Hesapta Yeterli Bakiyeniz Yok",
        "Düşük bütçe",
        "Недостаточно средств на балансе",
        "No tiene fondos debe Recargar",
        "Saldo tidak cukup",
    ],
    "InvalidLink": [
        "Bad link",
        "Bad Link",
        "Invalid Link",
        "Incorrect link",
        "neworder.error.link",
        "neworder.error.invalid_link",
        "neworder.error.link_not_found",
        "Link is required",
        "That link is not on this platform. Expected one of: example.com",
        "Vui lòng nhập liên kết",
        "Đường liên kết không hợp lệ hoặc chứa ký tự nguy hiểm.",
        "Geçersiz Link",
        "Неправильная ссылка",
        "Se requiere enlace",
    ],
    "DuplicateOrder": [
        "You have active order with this link. Please wait until order being completed.",
        "An identical order was just placed",
        "You already ordered this service for this link (#12). Wait 5 minutes or use a different link.",
        "neworder.error.link_duplicate",
        "link_duplicate",
        "neworder.error.too_many_orders",
        "error.duplicate_order",
        "Liên kết này đang hoạt động trên hệ thống. Vui lòng đợi đơn hàng hoàn thành !",
    ],
    "InvalidQuantity": [
        "Quantity less than minimal 10",
        "Quantity more than maximum 500",
        "Quantity less than maximum 500",
        "Quantity must to be greater than or equal to minimum amount",
        "Quantity must to be greater than or equal to minimum amount 10",
        "Quantity must to be less than or equal to maximum amount",
        "Quantity must be between 10 and 500. Got: 5",
        "Quantity out of bounds",
        "Quantity too low. Minimum: 10",
        "Incorrect quantity",
        "Quantity inccorect",
        "Quantity must be a multiple of 10 (try 20)",
        "You did not meet the minimum number.",
        "The maximum number has been exceeded.",
        "neworder.error.min_quantity",
        "neworder.error.max_quantity",
        "neworder.error.not_enough_quantity",
        "Số lượng tối thiểu là 10",
        "Số lượng tối đa là 20000",
        "Miktar yanlış",
        "Miktar minimum miktara eşit veya daha büyük olmalıdır 100",
        "Miktar, maksimum miktara eşit veya daha küçük olmalıdır",
        "Количество должно быть больше или равно минимальной сумме 100",
        "Количество должно быть меньше или равно максимальной сумме",
        "Se requiere cantidad",
        "Jumlah pesan tidak sesuai",
    ],
    "UnknownOrder": [
        "Incorrect order ID",
        "error.incorrect_order_id",
        "Incorrect order IDs",
        "Order not found.",
        "Missing order parameter",
        "Missing orders parameter",
        "Order ID is required parameter. Please check your API Manual",
        "Vui lòng nhập mã đơn hàng",
        "Sipariş bulunamadı.",
        "Yanlış Sipariş Kimliği (ID)",
        "Неверный идентификатор заказа",
        "Pesanan tidak ditemukan",
    ],
    "UnknownRefill": ["Incorrect refill ID", "error.incorrect_refill_id", "Refill not found", "Refill ID is required"],
    "NotRefillable": [
        "Refill is disabled for this service",
        "The order is not completed",
        "Order is not completed",
        "Order must be completed to refill",
        "Order is not eligible for refill",
        "The order was completed or refill was requested less than 24 hours ago",
        "The order was completed or refill was requested less than 48 hours ago",
        "Refill is only available manually via support ticket for reseller platforms.",
        "Refill not available",
        "Refill is not available for this order",
        "This service does not offer refill.",
        "Đơn hàng phải hoàn thành đủ 24 giờ mới có thể bảo hành",
        "Dịch vụ này không hỗ trợ bảo hành",
    ],
    "NotCancelable": [
        "Order cannot be canceled",
        "Order cannot be cancelled",
        "This order has already started and cannot be cancelled.",
        "Cannot cancel",
        "Cannot cancel order in COMPLETED status",
        "Cancel not available",
        "Failed to cancel",
        "Order is not eligible for cancellation",
        "Cancellation via API is not supported. Contact support.",
        "Dịch vụ này không hỗ trợ hủy đơn",
    ],
    "RateLimited": [
        "Rate limit exceeded",
        "Rate limit exceeded. Maximum 120 requests per minute.",
        "Too many requests. Limit 50/minute.",
        "Too many requests. Slow down.",
        "You can place 30 orders per minute. Try again shortly.",
    ],
    "Fault": [
        "server error",
        "Internal server error",
        "A server error occurred",
        "Internal error",
        "System error",
        "Failed to create order",
        "Failed to create order. Please try again later.",
        "Failed to fetch services",
        "Failed to place order",
        "Order could not be created",
        "Order could not be placed",
        "An error occurred while placing your order.",
        "There was an error processing your request. Please try again later      ",
        "Unknown error, please try again later",
        "Request timeout",
        "curl error 28: timeout",
        "Database error: SQLSTATE[HY000]",
        "Unknown error",
        "Provider request failed. Please try again later.",
        "Service temporarily unavailable",
        "Authentication service temporarily unavailable",
        "Server maintenance : try again",
        "Đơn hàng không được tạo thành công",
        "Đơn hàng không được tạo thành công vui lòng liên hệ Admin",
        "Dịch vụ tạm bảo trì",
        "Nhà cung cấp không tồn tại",
        "Yêu cầu hủy đơn thất bại",
        "Sunucu Bakımda",
        "Sistem Hatası",
        "İsteğiniz işlenirken bir hata oluştu. Lütfen daha sonra tekrar deneyiniz",
        "Layanan tidak tersedia",
        "neworder.error",
    ],
    "Overloaded": ["This panel is temporarily unavailable", "Ordering is disabled", "Hệ thống đang bảo trì!"],
    "Refused": [
        "Unauthorized",
        "Missing required parameter: service",
        "Missing required fields: service, link, quantity",
        "Missing parameters",
        "There are missing required parameters. Please check your API Manual",
        "Dripfeed is not supported by this service",
    ],
    "None": [
        "Incorrect request",
        "Incorrect action",
        "Invalid action",
        "This action is Invalid",
        "Unknown action: multi",
        "Action is required",
        "Neither parameter is set",
        "Invalid parameters",
        "Incorrect parameters",
        "Payload too large (max 500KB)",
        "The Request Not Found",
        "Incorrect comments",
        "Incorrect runs",
        "Incorrect expiry",
        "Unknown panel",
        "Bảo trì hệ thống",
        "We are closed until Monday, see you then",
        "Hatalı istek",
        "",
        "7",
    ],
}


@pytest.mark.parametrize(("meaning", "text"), [(meaning, text) for meaning, texts in TEXTS.items() for text in texts])
def test_refusal_texts(meaning: str, text: str) -> None:
    """Each known text means its error, in whatever language; a text that nobody knows means none."""
    found = meaning_of(text)
    assert (found.__name__ if found else "None") == meaning


@pytest.mark.parametrize(
    ("text", "never"),
    [
        # About the account that the link leads to, or about its owner's rights.
        ("Instagram account blocked", "AccountSuspended"),
        ("Your account is private, make it public", "AccountSuspended"),
        ("Target account suspended", "AccountSuspended"),
        ("Account suspended on Instagram", "AccountSuspended"),
        ("The account does not exists", "AccountSuspended"),
        ("Your account has been upgraded", "AccountSuspended"),
        # About what may be ordered, not about how often one may ask.
        ("Order limit reached", "RateLimited"),
        ("Daily limit of this service is used up", "RateLimited"),
        ("Rate limit exceeded for this link", "RateLimited"),
        ("Daily rate limit exceeded", "RateLimited"),
        ("Too many requests for this link, wait for its order", "RateLimited"),
        ("Too many refill requests", "RateLimited"),
        ("Too many orders", "RateLimited"),
        ("Concurrent orders limit reached: 5 in-flight, max 5", "RateLimited"),
        ("Too many failed attempts. Please retry later.", "RateLimited"),
        # Words that anybody may type, and that a panel can say halfway.
        ("Maintenance", "Overloaded"),
        ("Service temporarily unavailable", "Overloaded"),
        ("The website is temporarily unavailable", "Overloaded"),
        ("Service is under maintenance, please try again later", "Overloaded"),
        # Something else in the same words.
        ("Link accepted, but order not found in the queue", "UnknownOrder"),
        ("Your previous order is not completed", "NotRefillable"),
        ("Duplicate order ID", "DuplicateOrder"),
        ("Invalid service ID or quantity format", "UnknownService"),
        ("Missing required parameter: service", "UnknownService"),
        ("API key usage: 5 of 10", "AuthenticationFailed"),
        ("This API key is limited to 5 orders", "AuthenticationFailed"),
        # The supplier's money and key are not ours.
        ("Provider: not enough funds", "InsufficientFunds"),
        ("Insufficient balance at the supplier", "InsufficientFunds"),
        ("Provider API key is invalid", "AuthenticationFailed"),
        ("Nhà cung cấp: số dư không đủ", "InsufficientFunds"),
    ],
)
def test_what_a_text_must_not_mean(text: str, never: str) -> None:
    """A text about something else is not taken for the error whose words are in it."""
    found = meaning_of(text)
    assert found is None or found.__name__ != never


ALL_TEXTS: tuple[Texts, ...] = (
    english.TEXTS,
    vietnamese.TEXTS,
    turkish.TEXTS,
    others.RUSSIAN,
    others.SPANISH,
    others.INDONESIAN,
)
WHOLE = [(meaning, text) for table in ALL_TEXTS for meaning, texts in table.items() for text in texts]


@pytest.mark.parametrize("trouble", ["internal server error", "a timeout occurred", "bir hata oluştu", "upstream"])
def test_a_fault_outweighs_a_refusal(trouble: str) -> None:
    """A text that admits a failure is a fault, whatever refusal it holds as well."""
    for _, text in WHOLE:
        assert meaning_of(f"{text} ({trouble})") is Fault


def test_the_tables_agree() -> None:
    """No text has two meanings, in one language or in two, and every text is found as it stands in its table."""
    meanings: dict[str, object] = {}
    for meaning, text in WHOLE:
        assert meanings.setdefault(normalise(text), meaning) is meaning
        assert meaning_of(text) is meaning
    for meaning, keys in KEYS.items():
        for key in keys:
            assert meaning_of(f"neworder.error.{key}") is meaning


@pytest.mark.parametrize("text", ["Số dư không đủ, vui lòng nạp thêm", "Geçersiz API anahtarı", "Servis bulunamadı."])
def test_letters_however_they_are_composed(text: str) -> None:
    """A text is found with its letters composed and decomposed, and in capitals of the Turkish and the English kind."""
    found = meaning_of_whole(text)
    assert found is not None
    assert meaning_of_whole(unicodedata.normalize("NFD", text)) is found
    assert meaning_of_whole(unicodedata.normalize("NFC", text).upper()) is found
    assert meaning_of_whole(text.replace("i", "İ").replace("ı", "I")) is found


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("  Incorrect_order--ID.  ", "incorrect order id"),
        ("İSTEĞİNİZ ışık IŞIK", "isteğiniz işik işik"),
        ("No\u200bt eno\u200dugh\u00a0funds", "not enough funds"),
        ("ｉｎｖａｌｉｄ ｌｉｎｋ", "invalid link"),
        ("رصيد غير كافٍ", "رصيد غير كاف"),
        ("", ""),
    ],
)
def test_normalise(text: str, plain: str) -> None:
    """Case, punctuation, the Turkish i, wide and invisible characters and marks of vowels make no difference."""
    assert normalise(text) == plain


def test_a_page_of_text() -> None:
    """A failure is seen at either end of a text of any length, and no length takes long."""
    page = "Bad link. " + "more " * 200_000
    assert meaning_of(page) is meaning_of("Bad link")
    assert meaning_of(f"{page} Internal server error") is Fault


def test_own_texts_go_first() -> None:
    """A panel's own table decides before the convention's."""
    dialect = Dialect(name="own", texts={"Bad link!": InsufficientFunds, "Internal server error": UnknownService})
    assert meaning_of("bad LINK", dialect.texts) is InsufficientFunds
    assert meaning_of("Internal server error", dialect.texts) is UnknownService
    assert meaning_of("Invalid link", dialect.texts) is meaning_of("Invalid link")


# ------------------------------------------------------------------------------------------------ the shapes of a no


def operation(dialect: Dialect, action: str) -> Operation[Any]:
    """A call of that action."""
    if action == "add":
        keyed = dialect.capabilities.request_id is Support.YES
        return dialect.add(Order(1, "https://example.com/p", 10), "r-1" if keyed else None)
    made: Operation[Any] = getattr(dialect, action)(*([["7"]] if action in ("status", "refill", "cancel") else []))
    return made


def outcome(body: str, action: str, status: int = 200, dialect: Dialect = V2, **headers: str) -> str:
    """The name of what a reply is read as."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        result = dialect.read(WireReply(status, named, body.encode()), operation(dialect, action))
    except (Refused, Unavailable, Fault, Unreadable) as error:
        return type(error).__name__
    return type(next(iter(result.values()))).__name__ if isinstance(result, dict) else "value"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": "Bad link"}, "Bad link"),
        ({"error": "Bad link", "status": "102"}, "Bad link"),
        ({"error": "Bad link", "code": "API_ERROR"}, "Bad link"),
        ({"status": "error", "msg": "Vui lòng nhập liên kết", "error": "neworder.error.link"}, "neworder.error.link"),
        ({"status": "error", "msg": "The Request Not Found"}, "The Request Not Found"),
        ({"status": "error", "error": "Bad link"}, "Bad link"),
        ({"status": "error", "success": False, "message": "Bad link"}, "Bad link"),
        ({"status": "Failed", "message": "superkey is invalid"}, "superkey is invalid"),
        ([{"error": "Bad link"}], "Bad link"),
        ({"error": {"code": 4, "message": "Bad link"}}, "Bad link"),
        ({"error": {"text": "Bad link"}}, "Bad link"),
        ({"errors": ["Bad link", "Bad name"]}, "Bad link; Bad name"),
        ({"errors": {"link": ["The link field is required."]}}, "The link field is required."),
        ({"errors": {"link": [{"message": "Bad link"}], "name": ["Bad name"]}}, "Bad link; Bad name"),
        ({"Error": "Bad link"}, "Bad link"),
        ({"message": "Bad link"}, "Bad link"),
        ({"error": True, "message": "Bad link"}, "Bad link"),
        ({"error": False, "order": 5}, None),
        ({"status": 100, "order": 5}, None),
        ({"status": "success", "order": 5}, None),
    ],
)
def test_envelopes(body: object, text: str | None) -> None:
    """The panel's words are found in every envelope that panels put them in."""
    assert error_text(body, "add") == text


@pytest.mark.parametrize(
    ("body", "status", "action", "expected"),
    [
        ("Invalid API key", 200, "balance", "AuthenticationFailed"),
        ("Invalid API key\n", 401, "balance", "AuthenticationFailed"),
        ('"Invalid API key"', 200, "balance", "AuthenticationFailed"),
        ("error=Invalid+API+key", 400, "balance", "AuthenticationFailed"),
        ("error=Invalid+API+key&status=fail", 200, "services", "AuthenticationFailed"),
        ("Incorrect order ID 7", 200, "status", "UnknownOrder"),
        ("Too many requests", 200, "balance", "RateLimited"),
        ("Internal server error", 200, "balance", "Fault"),
        ("Invalid API key", 200, "add", "AuthenticationFailed"),
        ("error=Not+enough+funds", 200, "add", "InsufficientFunds"),
        ("Too many requests", 200, "add", "RateLimited"),
        # Known only in part, or not at all: on a write it says nothing of what was done.
        ("Invalid link to our page", 200, "add", "Unreadable"),
        ("Your order was received. Not enough funds on balance for a second one", 200, "add", "Unreadable"),
        ("Order accepted", 200, "add", "Unreadable"),
        ("error=Something+else", 200, "add", "Unreadable"),
        ("Order accepted", 200, "balance", "Unreadable"),
        ("OK", 200, "cancel", "Unreadable"),
        ("Something else", 400, "add", "Fault"),
        ("Invalid API key", 500, "add", "Fault"),
        ("Too many requests", 503, "add", "Fault"),
        # Pages, firewalls, and JSON that was cut.
        ("<html>Invalid API key</html>", 200, "balance", "Unreadable"),
        ("<html>Invalid API key</html>", 403, "add", "Blocked"),
        ("Forbidden", 403, "add", "Blocked"),
        ("Unauthorized", 401, "balance", "Blocked"),
        ('{"error": "Invalid API key', 200, "balance", "Unreadable"),
        ("Invalid API key\nOrder 12 placed", 200, "add", "Unreadable"),
        ("Invalid API key " * 30, 200, "balance", "Unreadable"),
    ],
)
def test_plain_text(body: str, status: int, action: str, expected: str) -> None:
    """A body of plain text or of a form is a refusal only if its words are known; on a write, every one of them."""
    assert outcome(body, action, status) == expected


@pytest.mark.parametrize("message", ["Invalid API key", "Not enough funds on balance", "Access denied"])
def test_a_lone_message_on_a_write(message: str) -> None:
    """A reply to a write that holds only a message is a no if the whole message is known as one."""
    assert error_text({"message": message}, "add") == message
    assert error_text({"message": f"{message}, order 12 is on hold"}, "add") is None


@pytest.mark.parametrize("status", [200, 403, 429, 503, 520])
@pytest.mark.parametrize("action", ["balance", "add", "cancel"])
@pytest.mark.parametrize("dialect", [V2, NOTPANEL, PANELBON])
def test_a_challenge_never_reached_the_panel(status: int, action: str, dialect: Dialect) -> None:
    """A page that Cloudflare marks as a challenge stands before the panel, whatever its status: Blocked."""
    page = "<!DOCTYPE html><title>Just a moment...</title>"
    assert outcome(page, action, status, dialect, cf_mitigated="challenge") == "Blocked"


@pytest.mark.parametrize(
    ("body", "header", "expected"),
    [
        ('{"order": 5}', "challenge", "value"),
        ('{"error": "Bad link"}', "challenge", "InvalidLink"),
        ("<html>", "something", "Unreadable"),
        ("<html>", "", "Unreadable"),
    ],
)
def test_what_is_no_challenge(body: str, header: str, expected: str) -> None:
    """The panel's own JSON is read whatever a header says; another value of the header says nothing."""
    assert outcome(body, "add", cf_mitigated=header) == expected


@pytest.mark.parametrize("text", TEXTS["Fault"])
@pytest.mark.parametrize("status", [200, 400, 422, 500])
def test_a_fault_is_never_a_refusal(text: str, status: int) -> None:
    """Words that admit a failure leave an order in doubt, with whatever status they come."""
    assert outcome(f'{{"error": "{text}"}}', "add", status) == "Fault"


def test_closed_for_now_is_said_by_few_texts() -> None:
    """Only whole texts that were seen to be said before anything is done have an order sent again."""
    repeated = [text for text in TEXTS["Overloaded"] if meaning_of_whole(text) is Overloaded]
    assert repeated == TEXTS["Overloaded"]
    assert all(meaning_of(f"{text} now") is not Overloaded for text in repeated)
    assert meaning_of("Rate limit exceeded again and again") is RateLimited


# ------------------------------------------------------------------------- what may have been done, whatever is said

ADD = V2.add(Order(service=1, link="https://example.com/p", quantity=10), None)


def read_add(body: object, status: int = 200) -> Any:
    """What a reply to ``add`` gives, or the error that it is."""
    raw = json.dumps(body).encode()
    try:
        return V2.read(WireReply(status, {}, raw), ADD)
    except Exception as error:
        return error


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"order": 5}, 429),
        ({"order": 5}, 302),
        ({"order": 5}, 400),
        ({"order": 5, "error": "Not enough funds"}, 200),
        ([{"order": 5, "error": "Not enough funds"}], 200),
        ({"data": {"order": 5, "error": "Not enough funds"}}, 200),
        ({"error": "Not enough funds", "order_id": 5}, 200),
        ({"error": "Not enough funds", "data": [{"order": 5}]}, 200),
        ({"error": "Not enough funds", "orders": [1, 2]}, 200),
        ({"error": "Too many requests", "order": {"id": 5}}, 200),
        ({"order": "success"}, 200),
        ({"order": "Pending"}, 200),
    ],
)
def test_an_id_beside_an_error_leaves_an_order_in_doubt(body: object, status: int) -> None:
    """Whatever the status, and however deep it stands; and a word is no id."""
    assert isinstance(read_add(body, status), Unreadable)


@pytest.mark.parametrize("nothing", [None, 0, "", False, [], {}])
def test_an_empty_id_beside_an_error_says_nothing(nothing: object) -> None:
    """Panels send the field with nothing in it."""
    assert isinstance(read_add({"error": "Not enough funds", "order": nothing}), InsufficientFunds)


@pytest.mark.parametrize(
    "text",
    [
        "Too many requests; yours is queued and will be processed",
        "Rate limit exceeded. Your transaction is being processed",
    ],
)
def test_an_order_is_sent_again_for_whole_texts_only(text: str) -> None:
    """A text that only begins like a limit may go on with anything."""
    assert isinstance(read_add({"error": text}), Fault)
    rows = V2.read(WireReply(200, {}, json.dumps([{"order": 7, "error": text}]).encode()), V2.cancel(["7"]))
    assert isinstance(rows["7"], OutcomeUnknown)


@pytest.mark.parametrize(
    "body",
    [
        {"error": 500, "message": "Internal server error"},
        {"error": "1", "message": "Internal server error"},
        {"error": "Bad Request", "message": "Internal server error"},
        {"error": {"code": "E12", "detail": "Internal server error"}},
        {"status": "error", "error": "Incorrect request", "msg": vietnamese.TEXTS[Fault][0]},
        *(
            {"error": text}
            for text in (
                "An error has occurred",
                "Gateway Time-out",
                "Connection error",
                "Couldn't place order",
                "Unable to create order",
                "Error processing order",
                "Order failed, try again later",
                "Order creation failed",
                "Oops, something went terribly wrong",
                "Server is busy",
                "Request failed with status code 500",
                "Lỗi hệ thống",
                "Sunucu hatası",
                "Terjadi kesalahan",
                "Произошла ошибка",
                "Ha ocurrido un error",
                "Erro interno do servidor",
                "neworder.error.unknown",
            )
        ),
    ],
)
def test_a_failure_that_is_admitted_anywhere_is_no_refusal(body: object) -> None:
    """In whichever field, and in whichever of the usual words."""
    assert isinstance(read_add(body), Fault)


def test_known_words_beside_unknown_ones_are_heard() -> None:
    """``{"error": "Bad Request", "message": "Not enough funds"}`` is about funds."""
    assert isinstance(read_add({"error": "Bad Request", "message": "Not enough funds"}, 400), InsufficientFunds)


@pytest.mark.parametrize(
    ("dialect", "status", "text", "kind"),
    [
        (NOTPANEL, 403, "Missing required parameter: service", Refused),
        (NOTPANEL, 403, "Dripfeed is not supported by this service", Refused),
        (PANELBON, 401, "Invalid parameters", Refused),
        (NOTPANEL, 403, "Words that nobody knows", AccountSuspended),
        (PANELBON, 401, "Unauthorized", AuthenticationFailed),
    ],
)
def test_a_status_decides_only_where_the_text_does_not(
    dialect: Dialect, status: int, text: str, kind: type[Refused]
) -> None:
    """A suspended account stops a whole run: a known text about one request is not taken for it."""
    with pytest.raises(Refused) as raised:
        dialect.read(WireReply(status, {}, json.dumps({"error": text}).encode()), dialect.balance())
    assert type(raised.value) is kind


def test_numbers_make_no_difference() -> None:
    """However they are grouped, in a panel's own texts as well."""
    assert meaning_of("Số lượng tối thiểu là 1.000") is InvalidQuantity
    own = Dialect(name="own", texts={"At least 50 credits are needed": InsufficientFunds})
    assert meaning_of("At least 1,250 credits are needed", own.texts) is InsufficientFunds


def test_a_text_cannot_mean_what_no_text_can_say() -> None:
    """That an outcome is unknown, or that a firewall was met, is not a panel's to say."""
    with pytest.raises(ConfigError, match="cannot mean Blocked"):
        Dialect(name="own", texts={"Go away": Blocked})
