"""
Queries that every step makes, put into words once for each connection.

Django works out the words of a query anew each time, which takes longer than the database needs for
it. Here they are kept, and with them what makes Python of each column; only the keys are new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

Row = TypeVar("Row", bound=models.Model)

#: Stands for the key while a query is put into words; it is nobody's.
MARK = -7_340_033


class Words(Generic[Row]):
    """The words of one query on one connection, and how its rows become objects."""

    def __init__(self, queryset: models.QuerySet[Row], database: BaseDatabaseWrapper) -> None:
        compiler: Any = queryset.query.get_compiler(connection=database)
        self.sql, given = compiler.as_sql()
        self.params: list[Any] = list(given)
        self.places = [at for at, value in enumerate(self.params) if value == MARK]
        self.model: type[Row] = queryset.model
        self.names = [field.attname for field in self.model._meta.concrete_fields]
        #: What is asked for, and the words after that.
        self.columns = [words for _, (words, _), _ in compiler.select]
        self.rest = self.sql[self.sql.index(" FROM ") :]
        columns = [column for column, _, _ in compiler.select]
        self.converters = list(compiler.get_converters(columns).items())

    def params_for(self, key: Any) -> list[Any]:
        """Return what goes with the words for this key."""
        params = list(self.params)
        for at in self.places:
            params[at] = key
        return params

    def objects(self, rows: Iterable[Sequence[Any]], database: BaseDatabaseWrapper) -> list[Row]:
        """Return the objects that the rows are."""
        found = []
        for row in rows:
            values = list(row[: len(self.names)])
            for at, (converters, column) in self.converters:
                value = values[at]
                for convert in converters:
                    value = convert(value, column, database)
                values[at] = value
            found.append(self.model.from_db(database.alias, self.names, values))
        return found


class Prepared(Generic[Row]):
    """
    A query by one key: ``build`` is given the key and returns it, as the database at hand needs it.

    It asks for whole rows, and for nothing that depends on the moment.
    """

    def __init__(self, build: Callable[[int], models.QuerySet[Row]]) -> None:
        self._build = build
        self._words: WeakKeyDictionary[BaseDatabaseWrapper, Words[Row]] = WeakKeyDictionary()

    def words(self, database: BaseDatabaseWrapper) -> Words[Row]:
        """Return its words on this connection."""
        if (words := self._words.get(database)) is None:
            words = self._words[database] = Words(self._build(MARK), database)
        return words

    def all(self, key: int, database: BaseDatabaseWrapper) -> list[Row]:
        """Return all rows that it finds for this key."""
        words = self.words(database)
        with database.cursor() as cursor:
            cursor.execute(words.sql, words.params_for(key))
            return words.objects(cursor.fetchall(), database)

    def first(self, key: int, database: BaseDatabaseWrapper) -> Row | None:
        """Return the first row that it finds for this key, if any."""
        return next(iter(self.all(key, database)), None)


def column(model: type[models.Model], name: str) -> str:
    """Return the column of the field ``name``; "pk" is the key's."""
    field: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
    return str(field.column)
