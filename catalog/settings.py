"""The settings of a lake: one frozen tree, the only place that reads the environment.

A lake is a folder. `osslake.toml` in it (or a settings file named instead of the folder) holds what differs from the
defaults; variables `OSSLAKE_...` win over the file (`OSSLAKE_CATALOG__URI`). The defaults run locally, without secrets.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from catalog.errors import SettingsError
from catalog.settings_checks import check_static, check_variables, memory, told

SETTINGS_FILE = "osslake.toml"
DEFAULT_LAKE = Path("lake")
ENVIRONMENT_PREFIX = "OSSLAKE_"
PUBLIC_AUTHOR_KEY = "osslake-public-default-key-v1"

Memory = Annotated[str, AfterValidator(memory)]


class _Part(BaseModel):
    """A branch of the tree: frozen, and strict about unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StorageSettings(_Part):
    """Where the bytes of the logical bucket `s3://<dataset>` are.

    `local`: in the lake's folder. `s3`: in the bucket called as the dataset, of any object store with S3's interface.
    """

    type: Literal["local", "s3"] = "local"
    endpoint: str = Field(
        "", pattern=r"^(https?://[^\s/]+)?$", description="the store's address, such as http://127.0.0.1:8333; empty: AWS"
    )
    region: str = "us-east-1"
    access_key: SecretStr = Field(SecretStr(""), description="empty: what AWS's own files and variables say")
    secret_key: SecretStr = SecretStr("")
    session_token: SecretStr = SecretStr("")
    path_style: bool = Field(True, description="http://host/bucket/key, as most stores other than AWS want it, not http://bucket.host/key")
    documents: str = Field(
        "",
        description="bucket of `latest.json` and the release documents, where the dataset's own takes nothing but tables; empty: the same",
    )
    connect_timeout_s: float = Field(5.0, gt=0)
    request_timeout_s: float = Field(30.0, gt=0, description="longest silence of the store")
    attempts: int = Field(3, ge=1, description="how often the store is asked where it doesn't answer, or answers that it can't now")


class CatalogSettings(_Part):
    """Where the Iceberg catalog is.

    `sql` is PyIceberg's SqlCatalog at `uri` (default: a SQLite file in the lake), in a database of its own; `rest` any Iceberg REST
    catalog, which needs `storage.type` s3. `properties` are handed to PyIceberg as they are. [More](catalogs.md).
    """

    type: Literal["sql", "rest"] = "sql"
    uri: str = Field("", description="postgresql+psycopg://user@host/database, or the REST catalog's address")
    warehouse: str = Field("", description="what the REST catalog calls the warehouse; empty: s3://<dataset>")
    credential: SecretStr = Field(SecretStr(""), description="PostgreSQL's password; of a REST catalog `client id:client secret`")
    timeout_s: float = Field(60.0, gt=0, description="longest silence of a REST catalog")
    properties: dict[str, str] = {}


class DirectorySource(_Part):
    """An OSS Directory: a folder, a git URL or a bundle."""

    address: str = Field(min_length=1)
    history: bool = False


class HoursSource(_Part):
    """GH Archive's hours at an fsspec address, from a time to a time (exclusive), like `2015-01-01T00`."""

    address: str = Field(min_length=1)
    start: str = Field(alias="from")
    end: str = Field(alias="to")


class GitSource(_Part):
    """Clones to read commits from; a pattern such as `clones/*.git` is expanded."""

    address: str = Field(min_length=1)
    repository: str = ""


class Sources(_Part):
    """What `osslake run` ingests."""

    oss_directory: tuple[DirectorySource, ...] = ()
    gharchive: tuple[HoursSource, ...] = ()
    git: tuple[GitSource, ...] = ()


class LoadSettings(_Part):
    """How much goes into one load package, and how long a source may hang."""

    package_records: int = Field(200_000, gt=0, description="records after which a package is committed; 128 MB of text end it too")
    max_record_bytes: int = Field(16_000_000, gt=0, description="longer records are rejected")
    max_hour_bytes: int = Field(4_000_000_000, gt=0, description="an hour that unpacks to more is refused, the others are loaded")
    max_hour_rejected: int = Field(
        1_000_000, ge=0, description="an hour with more rejected records is refused, the others are loaded; a million take 0.6 GB of memory"
    )
    timeout_s: float = Field(60.0, gt=0, description="longest silence of a source")
    clone_cache: Path = Field(
        Path("~/.cache/osslake/clones"),
        description="where repositories given by URL are kept; outside the lake, since their commits hold addresses in clear",
    )
    retries: int = Field(3, ge=0, description="how often a source that is unavailable is asked again")


class TransformSettings(_Part):
    """How models run."""

    engine: Literal["duckdb", "trino"] = "duckdb"
    trino: SecretStr = Field(
        SecretStr("http://osslake@127.0.0.1:8080"), description="address of Trino, with the user, and a password if it asks for one"
    )
    state: SecretStr = Field(
        SecretStr(""),
        description="PostgreSQL database of the models' state, `postgresql://user:password@host/database`, and of who holds the lake;"
        " needed on Trino",
    )
    lease_s: float = Field(
        60.0,
        ge=1,
        description="how long a run that gives no sign of life keeps a lake whose models' state is in PostgreSQL; it gives one six times as often;"
        " at least twice Trino's `query.client.timeout`",
    )
    threads: int = Field(0, ge=0, description="0: as many as there are cores; on Trino models that are built at a time, 0: two")
    memory_limit: Memory = Field("", description="DuckDB's limit, such as 4GB; empty: DuckDB's own default")
    all_artifacts: bool = Field(False, description="series for all artifacts, not just those that a project lists")
    accepted_falls: list[date] = Field([], description="days with less than half the usual records that are right as they are")


class ReleaseSettings(_Part):
    """How releases are signed, and how long `latest.json` is fresh."""

    signing_key: Path | None = Field(None, description="Ed25519 private key (PEM); default: keys/release.pem in the lake")
    expires_after_days: int = Field(30, gt=0)
    as_of: date | None = None


class MaintainSettings(_Part):
    """What `osslake maintain` cleans up, and what it leaves: [maintenance.md](maintenance.md)."""

    keep_snapshots_days: float = Field(7.0, ge=0, description="how long a snapshot that was followed by another stays, releases aside")
    keep_snapshots: int = Field(5, ge=1, description="newest snapshots of a table that stay, however old")
    orphan_hours: float = Field(24.0, ge=0, description="files that nothing names are deleted when they are as old; longer than any run")
    compact_files: int = Field(8, ge=2, description="small data files of a raw table's partition that are worth to be made one")
    file_bytes: int = Field(128_000_000, gt=0, description="largest file that is made so; a file is small below half of it")
    merge_manifests: int = Field(8, ge=2, description="manifests of a snapshot that are worth to be merged")


class BigQueryTarget(_Part):
    """A BigQuery dataset that releases are published to: [bigquery.md](bigquery.md). Credentials are Google's application default ones."""

    project: str = Field("", pattern=r"^([a-z0-9.:-]+)?$", description="the project that the dataset is in, and that pays for the queries")
    dataset: str = Field("", pattern=r"^[A-Za-z0-9_]*$", max_length=1024, description="made if there is none; empty: BigQuery is no target")
    location: str = Field(
        "", pattern=r"^[A-Za-z0-9-]*$", description="where the dataset is made, such as EU; empty: BigQuery's default, US"
    )
    endpoint: str = Field("", pattern=r"^(https?://[^\s/]+)?$", description="of BigQuery's API, such as an emulator's; empty: Google's")
    public: bool = Field(False, description="let everybody with a Google account read the dataset")
    external: bool = Field(
        False, description="show the lake's own Iceberg files instead of loading them; for lakes in Google's Cloud Storage"
    )
    connection: str = Field(
        "", pattern=r"^[A-Za-z0-9_.:-]*$", description="`project.location.name` of a connection through which external tables are read"
    )
    usd_per_tib: float = Field(6.25, ge=0, description="price of scanned bytes, for the cost in the summary")
    staging_hours: float = Field(24.0, ge=1, description="after which BigQuery drops a staging table that a killed publication left")
    timeout_s: float = Field(60.0, gt=0, description="how long a request is tried again")


class PostgresTarget(_Part):
    """A PostgreSQL database that releases are published to: [publications.md](publications.md#postgresql)."""

    dsn: SecretStr = Field(
        SecretStr(""),
        description="`postgresql://user:password@host/database`, or `host=... dbname=...`; what it doesn't say libpq takes from its own"
        " variables and files (`PGPASSWORD`, `~/.pgpass`); empty: none",
    )
    schema_name: str = Field(
        "marts",
        pattern=r"^[a-z_][a-z0-9_]{0,49}$",
        description="of the tables; their rows lie in another one, called so and `_parts`",
    )
    role: str = Field(
        "osslake_reader",
        pattern=r"^([a-z_][a-z0-9_]{0,62})?$",
        description="who may read, made where it is missing; empty: nobody is told of it",
    )
    lock_wait_s: float = Field(
        300.0, gt=0, description="how long the exchange waits for transactions that read, before it leaves the release that is there"
    )


class PublishSettings(_Part):
    """What `osslake publish` without a name does: [publications.md](publications.md)."""

    static: str = Field("", description="folder or fsspec address that static files are laid down at; empty: none")
    static_url: str = Field("", description="address under which a web server shows them")
    postgres: PostgresTarget = PostgresTarget()
    bigquery: BigQueryTarget = BigQueryTarget()


class LimitSettings(_Part):
    """What one client may ask of `osslake serve`, and what one answer may take: [api.md](api.md#limits). 0: no limit."""

    requests_per_s: float = Field(50.0, ge=0, description="of a client, in the long run")
    requests_burst: int = Field(200, ge=1, description="of a client at once, after a pause")
    files_per_s: float = Field(1_000.0, ge=0, description="likewise for data files, release documents and the Iceberg catalog")
    files_burst: int = Field(5_000, ge=1, description="likewise")
    cost_per_minute: int = Field(6_000, ge=0, description="that a client's answers may cost together")
    url_bytes: int = Field(16_384, ge=0, le=65_000, description="of path and query string; the server itself takes 65,534")
    header_bytes: int = Field(32_768, ge=0, le=400_000, description="of a request's headers; the server itself takes 417,792")
    answer_bytes: int = Field(64_000_000, ge=0, description="of an answer of the REST API, before it is packed")
    query_timeout_s: float = Field(5.0, ge=0, description="for a query; 0: a day")
    series: int = Field(100, ge=0, description="in one call")
    points: int = Field(200_000, ge=0, description="of the series of one call together")

    @property
    def longest_query_s(self) -> float:
        """Seconds after which a query is ended, whatever was set."""
        return self.query_timeout_s or 86_400.0


class ServeSettings(_Part):
    """What `osslake serve` takes and gives: [api.md](api.md)."""

    workers: int = Field(2, ge=1, description="processes that answer")
    replicas: Path | None = Field(None, description="folder of the serving replicas; default: `serving` in the lake's folder of state")
    keep_replicas: int = Field(3, ge=1, description="newest releases that are answered from replicas; older ones are read by their tables")
    poll_s: float = Field(2.0, gt=0, description="how often a worker looks for a new release")
    build_memory: Memory = Field("1GB", description="DuckDB's limit while a replica is made")
    build_threads: int = Field(0, ge=0, description="while a replica is made; 0: as many as there are cores")
    query_memory: Memory = Field("512MB", description="DuckDB's limit in a worker, for tables that are read from the release's files")
    query_threads: int = Field(0, ge=0, description="of DuckDB in a worker; 0: as many as there are cores")
    queries_at_once: int = Field(4, ge=1, description="such queries in a worker; others wait")
    kept_answers_bytes: int = Field(
        32_000_000, ge=0, description="of answers that a worker keeps as they were sent, for those who ask the same; 0: none"
    )
    store_timeout_s: float = Field(
        3.0,
        gt=0,
        description="longest silence of the object store that an answer waits for, twice at most; where `storage` has less patience, that counts",
    )
    stop_s: int = Field(30, ge=1, description="how long open answers may take to end when the server is asked to stop; then they are cut")
    access_log: bool = Field(True, description="a line of JSON for each request, on standard error")
    trusted_proxies: list[IPvAnyNetwork] = Field(
        [], description="networks of proxies whose word for the client's address is taken, such as `10.0.0.0/8`"
    )
    proxy_header: Literal["X-Forwarded-For", "Forwarded"] = Field(
        "X-Forwarded-For",
        description="header in which they say it; the other one is never looked at, since clients can send it through them",
    )
    fresh_hours: float = Field(36.0, gt=0, description="age that the newest release is not to have: the objective of `/v1/status`")
    limits: LimitSettings = LimitSettings()


class OrchestrationSettings(_Part):
    """How Dagster runs the lake: [orchestration.md](orchestration.md). Times are UTC."""

    daily: str = Field("30 4 * * *", description="cron expression of the schedule that brings what is new to a release")
    weekly: str = Field("30 6 * * 0", description="cron expression of the schedule of `osslake maintain`")
    retries: int = Field(
        5, ge=0, description="how often a step is tried again after what may pass: a source or store that is away, a lake that is held"
    )
    retry_delay_s: float = Field(60.0, gt=0, description="before the first of them; the next ones wait 3, 7, 15 times as long")
    fresh_hours: float = Field(36.0, ge=1, description="after which a source or the release that was not looked at counts as stale")


class StackSettings(_Part):
    """What `osslake stack` runs on one machine: [stack.md](stack.md). All ports are TCP, at 127.0.0.1."""

    folder: Path | None = Field(
        None,
        description="state, logs and credentials of the servers; default: ~/.local/state/osslake/stack, for root /var/lib/osslake/stack",
    )
    cache: Path = Field(Path("~/.cache/osslake/stack"), description="where Trino's server is kept once it is downloaded")
    maven: str = Field("https://repo.maven.apache.org/maven2", description="Maven repository that Trino's server comes from")
    java_home: Path | None = Field(
        None, description="a JDK 24 or later; default: the first that fits of JAVA_HOME, PATH and Debian's folder of JVMs"
    )
    workers: int = Field(1, ge=0, description="Trino's workers; 0: the coordinator works itself")
    coordinator_heap: str = Field("3G", pattern=r"^\d+[MG]$", description="of Trino's coordinator; it takes about 800 MB more")
    worker_heap: str = Field("2G", pattern=r"^\d+[MG]$", description="of each of Trino's workers; it takes about 800 MB more")
    retry_policy: Literal["NONE", "TASK"] = Field("NONE", description="TASK: what a lost Trino worker did is done again by another")
    start_timeout_s: float = Field(
        180.0,
        gt=0,
        description="how long a server may take until it answers; while the API makes its first serving replica, this doesn't pass",
    )
    s3_port: int = Field(8333, ge=1, le=65535, description="S3")
    rest_port: int = Field(8181, ge=1, le=65535, description="Iceberg REST catalog")
    seaweedfs_port: int = Field(9330, ge=1, le=65526, description="first of nine that SeaweedFS's parts use among themselves")
    trino_port: int = Field(8080, ge=1, le=65535, description="Trino's coordinator")
    worker_port: int = Field(8090, ge=1, le=65535, description="Trino's first worker; the others follow")
    postgres_port: int = Field(5432, ge=1, le=65535, description="PostgreSQL")
    api_port: int = Field(8000, ge=1, le=65535, description="`osslake serve`")
    dagster: bool = Field(
        False, description="whether Dagster runs too, on the lake that the stack is started for: [orchestration.md](orchestration.md)"
    )
    dagster_port: int = Field(3000, ge=1, le=65535, description="Dagster's pages, where it runs")

    @property
    def home(self) -> Path:
        """The folder of state, logs and credentials."""
        if self.folder:
            return self.folder.expanduser().absolute()
        return Path("/var/lib/osslake/stack") if os.geteuid() == 0 else Path("~/.local/state/osslake/stack").expanduser()

    @property
    def environment_java_home(self) -> Path | None:
        """What JAVA_HOME says."""
        return Path(os.environ["JAVA_HOME"]) if os.environ.get("JAVA_HOME") else None


def author_key_id(author_key: bytes) -> str:
    """Return the id of a key of the HMAC over authors' addresses: 16 hex digits."""
    return hmac.new(author_key, b"osslake author key", hashlib.sha256).hexdigest()[:16]


class Settings(BaseSettings):
    """The whole tree of a lake's settings."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", nested_model_default_partial_update=True
    )

    folder: Path = DEFAULT_LAKE
    dataset: str = Field("osslake", pattern=r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", description="the logical bucket of all paths")
    author_key: SecretStr = Field(SecretStr(PUBLIC_AUTHOR_KEY), description="key of the HMAC over git authors' addresses")
    storage: StorageSettings = StorageSettings()
    catalog: CatalogSettings = CatalogSettings()
    sources: Sources = Sources()
    load: LoadSettings = LoadSettings()
    transform: TransformSettings = TransformSettings()
    release: ReleaseSettings = ReleaseSettings()
    maintain: MaintainSettings = MaintainSettings()
    publish: PublishSettings = PublishSettings()
    serve: ServeSettings = ServeSettings()
    orchestration: OrchestrationSettings = OrchestrationSettings()
    stack: StackSettings = StackSettings()

    @property
    def author_key_id(self) -> str:
        """What tells one key of the authors' HMAC from another, and nothing else of it."""
        return author_key_id(self.author_key.get_secret_value().encode())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base class names it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let arguments win over the environment, and that over the settings file."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))

    @property
    def warehouse(self) -> Path:
        """The folder that holds the logical bucket's bytes where storage is local: all that is published, and nothing else."""
        return self.folder / "warehouse"

    @property
    def state(self) -> Path:
        """The folder of private state: catalog, engine files, load packages, lock."""
        return self.folder / "state"

    @property
    def replicas(self) -> Path:
        """The folder of the serving replicas: made from releases, and from them again where it is deleted."""
        return self.serve.replicas or self.state / "serving"

    @property
    def bucket(self) -> str:
        """The root of all table paths, `s3://<dataset>`."""
        return f"s3://{self.dataset}"

    @property
    def signing_key(self) -> Path:
        """The file of the key that signs releases."""
        return self.release.signing_key or self.folder / "keys" / "release.pem"

    def resolve(self, address: str) -> str:
        """Return an address from the settings file, a relative path being relative to the lake's folder."""
        if "://" in address or address.startswith("git@") or Path(address).is_absolute():
            return address
        return str((self.folder / address).resolve())


def environment_lake() -> Path:
    """Return the lake that OSSLAKE_LAKE names, for programs without a command line of ours."""
    return Path(os.environ.get("OSSLAKE_LAKE") or DEFAULT_LAKE)


def load_settings(lake: Path, **overrides: Any) -> Settings:
    """Read the settings of a lake.

    Args:
        lake: the lake's folder, or a settings file (the folder is then the one that it names, else its own).
        overrides: values that win over file and environment.

    Raises:
        SettingsError: the file can't be read, or a name or value in it, or a variable, is not known; the message names both.
    """
    check_variables(os.environ, Settings, ENVIRONMENT_PREFIX)
    file = lake if lake.suffix == ".toml" else lake / SETTINGS_FILE
    if lake.suffix == ".toml" and not file.is_file():
        raise SettingsError(f"settings file {file} does not exist", path=str(file))
    if lake.exists() and not lake.is_dir() and lake.suffix != ".toml":
        raise SettingsError(f"{lake} is neither a folder nor a .toml settings file", path=str(lake))
    folder = file.parent
    try:
        if file.is_file():
            folder = folder / tomllib.loads(file.read_text(encoding="utf-8")).get("folder", "")

        class LakeSettings(Settings):
            model_config = SettingsConfigDict(toml_file=file)

        settings = LakeSettings(folder=folder.absolute(), **overrides)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings file {file} is not TOML: {error}", path=str(file)) from error
    except ValidationError as error:
        name, said = told(error, Settings)
        raise SettingsError(f"setting {name!r} ({file} or OSSLAKE_...): {said}", setting=name) from error
    check_static(settings)
    return settings
