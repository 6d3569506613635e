"""Virtual paths for PyIceberg, where the bytes of a lake lie in a folder.

Every path that a table or a release names begins with one logical bucket (`s3://<dataset>/...`); where its bytes are is
known by catalog.bucket on the writing side, and told by the catalog on the reading side.
"""

from __future__ import annotations

from pathlib import Path

from pyiceberg.io import InputFile, OutputFile, OutputStream
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO

from catalog.bucket import BUCKET_PROPERTY, FOLDER_PROPERTY
from catalog.local_files import Unsynced, local_path

_UNSYNCED = Unsynced()
"""Of the process: one table's files may be written through several objects of its storage."""


class VirtualFileIO(PyArrowFileIO):
    """PyIceberg's file access, with the logical bucket mapped to a local folder.

    Properties: `osslake.bucket` (`s3://<dataset>`) and `osslake.folder`. Other locations are handled as PyArrowFileIO does.
    """

    def _real(self, location: str) -> str:
        bucket, folder = self.properties.get(BUCKET_PROPERTY), self.properties.get(FOLDER_PROPERTY)
        if bucket and folder and location.startswith(f"{bucket}/"):
            return str(local_path(Path(folder), bucket, location))
        return location

    def new_input(self, location: str) -> PyArrowFile:
        """Open a file for reading by its virtual path."""
        return _named(super().new_input(self._real(location)), location)

    def new_output(self, location: str) -> PyArrowFile:
        """Open a file for writing by its virtual path."""
        real = self._real(location)
        output = super().new_output(real)
        return output if real == location else _FolderFile(location, real, output._filesystem)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Delete a file by its virtual path."""
        name = location if isinstance(location, str) else location.location
        super().delete(self._real(name))


class _FolderFile(PyArrowFile):
    """A file to be written to the folder, durable before a commit names it.

    Data files wait for the first metadata file (a manifest, a list of manifests, a table's metadata), since nothing else names them; each
    metadata file is made durable when it is closed, with all that waits.
    """

    def create(self, overwrite: bool = False) -> OutputStream:
        """Open the file.

        Raises:
            FileExistsError: it is there, and may not be overwritten.
        """
        is_metadata = Path(self._path).parent.name == "metadata"
        return _UNSYNCED.open(Path(self._path), "wb" if overwrite else "xb", sync=is_metadata)


def _named(file: PyArrowFile, location: str) -> PyArrowFile:
    """Let a file answer with its virtual path, which is what PyIceberg writes into manifests."""
    file._location = location
    return file
