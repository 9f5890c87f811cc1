"""One desktop per service and user: a lock file decides, a local socket lets a second start raise the first.

``QLocalServer`` alone races at login, hence the lock. Both lie in a folder of the user's own.
"""

import hashlib
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

ANSWER_TIMEOUT_MS = 2000
SHOW = b"show\n"


class InstanceError(Exception):
    """The folder for lock and socket cannot be used; the text says why."""


class Instance(QObject):
    """Signals: ``show_wanted()`` when a second start asks for the panel."""

    show_wanted = Signal()

    def __init__(self, folder: Path, socket_path: Path, parent: QObject | None = None) -> None:
        """``folder`` is private to the user; ``socket_path`` is the service's and only names the instance.

        Raises :class:`InstanceError`.
        """
        super().__init__(parent)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise InstanceError(f"{folder} cannot be created: {error.strerror}") from error
        mark = hashlib.sha256(str(socket_path).encode()).hexdigest()[:8]
        self._address = str(folder / f"desktop-{mark}.sock")
        self._lock = QLockFile(str(folder / f"desktop-{mark}.lock"))
        self._lock.setStaleLockTime(0)  # stale only when its process is gone
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_connection)

    def claim(self) -> bool:
        """True if this process is the first. Raises :class:`InstanceError`."""
        if not self._lock.tryLock(200):
            if self._lock.error() is QLockFile.LockError.LockFailedError:
                return False
            raise InstanceError(f"{self._address.removesuffix('.sock')}.lock cannot be written")
        QLocalServer.removeServer(self._address)  # left behind by a process that was killed
        if not self._server.listen(self._address):
            raise InstanceError(f"{self._address}: {self._server.errorString()}")
        return True

    def raise_first(self) -> bool:
        """Asks the first instance to show its panel; False if it does not answer."""
        socket = QLocalSocket()
        socket.connectToServer(self._address)
        if not socket.waitForConnected(ANSWER_TIMEOUT_MS):
            return False
        socket.write(SHOW)
        return socket.waitForBytesWritten(ANSWER_TIMEOUT_MS)

    def release(self) -> None:
        self._server.close()
        self._lock.unlock()

    def _on_connection(self) -> None:
        while (connection := self._server.nextPendingConnection()) is not None:
            connection.readyRead.connect(lambda connection=connection: self._read(connection))
            connection.disconnected.connect(connection.deleteLater)
            if connection.bytesAvailable():
                self._read(connection)

    def _read(self, connection: QLocalSocket) -> None:
        if connection.canReadLine() and bytes(connection.readLine().data()) == SHOW:
            self.show_wanted.emit()
