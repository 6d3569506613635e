"""The connection to BigQuery: one dataset, asked through Google's client, whose errors become ours here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

from google.api_core.exceptions import Conflict, Forbidden, GoogleAPICallError, NotFound, PreconditionFailed, RetryError, Unauthorized
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, RefreshError
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY
from requests.exceptions import RequestException

from catalog.errors import AGAIN, PublishError, TargetUnavailableError
from catalog.settings import BigQueryTarget

JOB_TIMEOUT_S = 3600.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 2.0
"""Between two questions whether a load has ended; Google's client begins with a second and goes up to twenty."""
_UNAVAILABLE_CODES = frozenset({429, 500, 502, 503, 504})
STAGING_PREFIX = "staging_"
_OVER_QUOTA = frozenset({"quotaExceeded", "rateLimitExceeded", "jobRateLimitExceeded"})


class Connection:
    """A dataset of a project of BigQuery's; `jobs` and `billed_bytes` count what was run. Several threads may use it."""

    def __init__(self, settings: BigQueryTarget) -> None:
        self.settings = settings
        self.jobs = 0
        self.billed_bytes = 0
        self._counting = Lock()
        self._retry = DEFAULT_RETRY.with_timeout(settings.timeout_s)
        self.reference = bigquery.DatasetReference(settings.project, settings.dataset)
        with self.answering("connecting"):
            self._client = bigquery.Client(
                project=settings.project,
                credentials=None if _is_google(settings.endpoint) else AnonymousCredentials(),  # type: ignore[no-untyped-call]
                location=settings.location or None,
                client_options={"api_endpoint": settings.endpoint} if settings.endpoint else None,
            )

    def close(self) -> None:
        """End the client's connections."""
        self._client.close()  # type: ignore[no-untyped-call]

    @property
    def name(self) -> str:
        """`project.dataset`."""
        return f"{self.settings.project}.{self.settings.dataset}"

    def path(self, table: str) -> str:
        """Return how SQL names a table of the dataset."""
        return f"`{self.name}.{table}`"

    def table_reference(self, table: str) -> bigquery.TableReference:
        """Return how the client names a table of the dataset."""
        return self.reference.table(table)

    @contextmanager
    def answering(self, what: str) -> Iterator[None]:
        """Tell errors of BigQuery, of Google's credentials and of the network as ours.

        Raises:
            PublishError: it refused; the message says what is to be done.
            TargetUnavailableError: it did not answer, or may answer otherwise later.
        """
        try:
            yield
        except (DefaultCredentialsError, RefreshError) as error:
            raise PublishError(f"BigQuery, {what}: {_line(error)}; {_CREDENTIALS}", target=self.name) from error
        except GoogleAPICallError as error:
            raise self._refusal(what, error) from error
        except (RetryError, GoogleAuthError, RequestException) as error:
            place = self.settings.endpoint or "BigQuery"
            raise TargetUnavailableError(f"{place}, {what}: {_line(error)}; {AGAIN}", target=self.name) from error

    def _refusal(self, what: str, error: GoogleAPICallError) -> PublishError:
        reasons = {one.get("reason", "") for one in error.errors if isinstance(one, Mapping)}
        message = f"BigQuery, {what}: {_line(error)}"
        if reasons & _OVER_QUOTA:
            return TargetUnavailableError(f"{message}; the quota is spent: run again later, or raise it", target=self.name)
        is_crossed = isinstance(error, NotFound) and STAGING_PREFIX in error.message
        if is_crossed or isinstance(error, Conflict | PreconditionFailed):
            again = "another publication to this dataset is running, or ran meanwhile: one at a time, run it again when it has ended"
            return PublishError(f"{message}; {again}", target=self.name)
        if error.code in _UNAVAILABLE_CODES:
            return TargetUnavailableError(f"{message}; {AGAIN}", target=self.name)
        if isinstance(error, Unauthorized):
            return PublishError(f"{message}; {_CREDENTIALS}", target=self.name)
        if "billingNotEnabled" in reasons:
            return PublishError(f"{message}; enable billing for the project {self.settings.project}", target=self.name)
        if isinstance(error, Forbidden):
            roles = f"roles/bigquery.dataOwner on the dataset {self.name} and roles/bigquery.jobUser on the project"
            return PublishError(f"{message}; whoever publishes needs {roles}", target=self.name)
        return PublishError(message, target=self.name)

    def dataset(self) -> bigquery.Dataset | None:
        """Return the dataset as it is; None if there is none."""
        with self.answering(f"looking up the dataset {self.name}"):
            try:
                return self._client.get_dataset(self.reference, retry=self._retry)
            except NotFound as error:
                if "project" in error.message.lower() and "dataset" not in error.message.lower():
                    raise
                return None

    def create_dataset(self, dataset: bigquery.Dataset) -> bigquery.Dataset:
        """Create the dataset."""
        with self.answering(f"creating the dataset {self.name}"):
            return self._client.create_dataset(dataset, exists_ok=True, retry=self._retry)

    def update_dataset(self, dataset: bigquery.Dataset, fields: Sequence[str]) -> None:
        """Write some properties of the dataset."""
        with self.answering(f"changing the dataset {self.name}"):
            self._client.update_dataset(dataset, fields, retry=self._retry)

    def labels(self) -> dict[str, dict[str, str]]:
        """Return the labels of all tables and views of the dataset, by name."""
        with self.answering(f"listing the tables of {self.name}"):
            return {one.table_id: dict(one.labels) for one in self._client.list_tables(self.reference, retry=self._retry)}

    def table(self, name: str) -> bigquery.Table:
        """Return a table as it is."""
        with self.answering(f"looking up the table {name}"):
            return self._client.get_table(self.table_reference(name), retry=self._retry)

    def create_table(self, table: bigquery.Table) -> bigquery.Table:
        """Create a table."""
        with self.answering(f"creating the table {table.table_id}"):
            return self._client.create_table(table, retry=self._retry)

    def update_table(self, table: bigquery.Table, fields: Sequence[str]) -> bigquery.Table:
        """Write some properties of a table."""
        with self.answering(f"changing the table {table.table_id}"):
            return self._client.update_table(table, fields, retry=self._retry)

    def drop_table(self, name: str) -> None:
        """Drop a table if it is there."""
        with self.answering(f"dropping the table {name}"):
            self._client.delete_table(self.table_reference(name), retry=self._retry, not_found_ok=True)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return all rows of a small table, without a job."""
        with self.answering(f"reading the table {name}"):
            return [dict(row) for row in self._client.list_rows(self.table(name), retry=self._retry)]

    def begin_load(self, name: str, source: Path | str, config: bigquery.LoadJobConfig) -> bigquery.LoadJob:
        """Begin to load a local file, or an object at a gs:// address, into a table; the upload of a file is done at the return."""
        self._count_job()
        with self.answering(f"loading into {name}"):
            if not isinstance(source, Path):
                return self._client.load_table_from_uri(source, self.table_reference(name), job_config=config, retry=self._retry)
            with source.open("rb") as file:
                size = source.stat().st_size
                return self._client.load_table_from_file(file, self.table_reference(name), size=size, job_config=config, num_retries=3)

    def finish_load(self, name: str, job: bigquery.LoadJob) -> int:
        """Wait for the end of a load; return the bytes that it brought, as BigQuery counts them."""
        ends, pause = monotonic() + JOB_TIMEOUT_S, _FIRST_PAUSE_S
        with self.answering(f"loading into {name}"):
            while not job.done(retry=self._retry):
                if monotonic() > ends:
                    message = f"BigQuery, loading into {name}: no end after {JOB_TIMEOUT_S:.0f} s; {AGAIN}"
                    raise TargetUnavailableError(message, target=self.name)
                sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            job.result(retry=self._retry)
            return job.output_bytes or 0

    def cancel(self, job: bigquery.LoadJob) -> None:
        """Have BigQuery give up a load that nobody waits for; whether it does doesn't matter, it comes into a staging table."""
        if job.state == "DONE":
            return
        with suppress(GoogleAPICallError, RetryError, GoogleAuthError, RequestException):
            job.cancel(retry=None, timeout=_LONGEST_PAUSE_S)

    def _count_job(self) -> None:
        with self._counting:
            self.jobs += 1

    def query(self, what: str, sql: str) -> list[dict[str, Any]]:
        """Run a statement or a script to its end and return its rows."""
        self._count_job()
        with self.answering(what):
            job = self._client.query(sql, retry=self._retry)
            rows = [dict(row) for row in job.result(retry=self._retry, timeout=JOB_TIMEOUT_S)]
            self.billed_bytes += job.total_bytes_billed or 0
            return rows


_CREDENTIALS = "`gcloud auth application-default login` gives credentials, or GOOGLE_APPLICATION_CREDENTIALS names a service account's key"


def _is_google(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or "googleapis.com"
    return host == "googleapis.com" or host.endswith(".googleapis.com")


def _line(error: Exception) -> str:
    """Return what an error says as one line, without the job's place that Google adds."""
    cause = error.cause if isinstance(error, RetryError) and error.cause else error
    text = getattr(cause, "message", None) or str(cause)
    return " ".join(str(text).split("\n\n")[0].split())
