"""The combinations of storage and catalog, as settings of lakes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Literal

from contract.servers import Postgres, Seaweed

Storage = Literal["local", "s3"]
CatalogKind = Literal["sqlite", "postgres", "rest"]
COMBINATIONS: tuple[tuple[Storage, CatalogKind], ...] = (
    ("local", "sqlite"),
    ("local", "postgres"),
    ("s3", "sqlite"),
    ("s3", "postgres"),
    ("s3", "rest"),
)


@dataclass(frozen=True)
class Combination:
    """Storage and catalog of a lake, and the servers that they are on."""

    storage: Storage
    catalog: CatalogKind
    seaweed: Seaweed | None = None
    postgres: Postgres | None = None

    @property
    def name(self) -> str:
        """Such as `s3-rest`."""
        return f"{self.storage}-{self.catalog}"

    @property
    def is_local(self) -> bool:
        """Whether no server is needed."""
        return (self.storage, self.catalog) == ("local", "sqlite")

    @property
    def catalog_port(self) -> int:
        """Where the catalog's server listens; 0 where it is a file."""
        if self.catalog == "rest":
            assert self.seaweed is not None
            return self.seaweed.rest_port
        return self.postgres.port if self.catalog == "postgres" and self.postgres else 0

    def new_lake(self) -> str:
        """Make bucket and database of a new lake, and return the settings that lead to them, as the head of a settings file."""
        dataset = f"contract-{secrets.token_hex(4)}"
        if self.catalog == "rest":
            assert self.seaweed is not None
            self.seaweed.make_table_bucket(dataset)
        if self.catalog == "postgres":
            assert self.postgres is not None
            self.postgres.make_database(dataset)
        return f'dataset = "{dataset}"\n{self._storage(dataset)}{self._catalog(dataset)}'

    def _storage(self, dataset: str) -> str:
        if self.storage == "local":
            return ""
        assert self.seaweed is not None
        documents = f'documents = "{dataset}-documents"\n' if self.catalog == "rest" else ""
        return (
            f'[storage]\ntype = "s3"\nendpoint = "{self.seaweed.endpoint}"\naccess_key = "{self.seaweed.access_key}"\n'
            f'secret_key = "{self.seaweed.secret_key}"\n{documents}'
        )

    def _catalog(self, dataset: str) -> str:
        if self.catalog == "sqlite":
            return ""
        if self.catalog == "postgres":
            assert self.postgres is not None
            uri = f"postgresql+psycopg://osslake@127.0.0.1:{self.postgres.port}/{dataset}"
            return f'[catalog]\nuri = "{uri}"\ncredential = "{self.postgres.password}"\n'
        assert self.seaweed is not None
        credential = f"{self.seaweed.access_key}:{self.seaweed.secret_key}"
        return f'[catalog]\ntype = "rest"\nuri = "http://127.0.0.1:{self.seaweed.rest_port}"\ncredential = "{credential}"\n'
