"""Backups: making, restoring and verifying them, and upgrading the embedded server to another major version."""

from medianest_models.backups.files import Manifest, read_manifest
from medianest_models.backups.making import make_backup
from medianest_models.backups.restoring import RestoreReport, restore_backup
from medianest_models.backups.upgrading import UpgradeReport, upgrade_embedded
from medianest_models.backups.verifying import VerificationReport, verify_backup

__all__ = [
    "Manifest",
    "RestoreReport",
    "UpgradeReport",
    "VerificationReport",
    "make_backup",
    "read_manifest",
    "restore_backup",
    "upgrade_embedded",
    "verify_backup",
]
