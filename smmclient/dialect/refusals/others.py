"""Words for no in languages of which few are known: Russian and Spanish from a dictionary, Indonesian from sources.

The panels for Brazil and Uzbekistan whose source was seen answer in English. Of Arabic and Ukrainian ones no text was
found.
"""

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

__all__ = ["FAULTS", "INDONESIAN", "RUSSIAN", "RUSSIAN_PARTS", "SPANISH"]

RUSSIAN: Texts = {
    AuthenticationFailed: (
        "API отключен для этого пользователя или пользователь не найден! Обратитесь в службу поддержки",
    ),
    InsufficientFunds: (
        "Недостаточно средств на балансе",
        "У вас недостаточно средств для размещения заказа",
    ),
    UnknownService: ("ID услуги не существует", "Сервис не существует"),
    InvalidLink: ("Неправильная ссылка", "Ссылка обязательна"),
    InvalidQuantity: ("Требуется количество",),
    UnknownOrder: (
        "Неверный идентификатор заказа",
        "ID заказа - обязательный параметр. Пожалуйста, проверьте свое руководство по API",
    ),
}

RUSSIAN_PARTS: tuple[Part, ...] = (
    # The number follows.
    Part(InvalidQuantity, ("^Количество должно быть больше или равно минимальной сумме",)),
    Part(InvalidQuantity, ("^Количество должно быть меньше или равно максимальной сумме",)),
)

SPANISH: Texts = {
    InsufficientFunds: (
        "No tiene fondos debe Recargar",
        "No tienes fondos suficientes para realizar un pedido",
    ),
    UnknownService: ("Servicio no existe",),
    InvalidLink: ("Se requiere enlace",),
    InvalidQuantity: ("Se requiere cantidad",),
}

INDONESIAN: Texts = {
    AuthenticationFailed: ("API Key salah",),
    InsufficientFunds: ("Saldo tidak cukup",),
    UnknownService: ("Layanan tidak ditemukan",),
    InvalidQuantity: ("Jumlah pesan tidak sesuai",),
    UnknownOrder: ("Pesanan tidak ditemukan", "Order ID Tidak Di Temukan"),
    Fault: (
        # "Service not available": said before the supplier is asked, and after it as well.
        "Layanan tidak tersedia",
        "Layanan Sedang Gangguan",
    ),
}

#: "Неизвестная ошибка" was seen in a client, "gangguan" in panels' sources; the others are the languages' usual words
#: for a failure, which no panel was seen to use. Taken for a fault, they leave an order in doubt, and no more.
FAULTS: tuple[Part, ...] = (
    Part(Fault, ("неизвестная ошибка", "ошибка сервера", "произошла ошибка", "внутренняя ошибка")),
    Part(Fault, ("gangguan", "terjadi kesalahan", "kesalahan server")),
    Part(Fault, ("ha ocurrido un error", "error del servidor", "error interno", "error desconocido")),
    Part(Fault, ("ocorreu um erro", "erro interno", "erro do servidor", "erro desconhecido")),
)
