"""Releases as the operator makes them: create, compare, verify, roll back."""

from catalog.releases import list_releases
from lakehouse.releases.create import create_release, sign_again
from lakehouse.releases.inputs import ReleaseInputs, ReleaseOutcome
from lakehouse.releases.keys import load_or_create_key, public_key_file, trusted_keys
from lakehouse.releases.rollback import rollback_release
from lakehouse.releases.verify import Verification, verify_release
from lakehouse.releases.verify_tables import Failure

__all__ = [
    "Failure",
    "ReleaseInputs",
    "ReleaseOutcome",
    "Verification",
    "create_release",
    "list_releases",
    "load_or_create_key",
    "public_key_file",
    "rollback_release",
    "sign_again",
    "trusted_keys",
    "verify_release",
]
