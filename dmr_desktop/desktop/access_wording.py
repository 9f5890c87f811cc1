"""Who can use the models, in sentences of the panel, translated. Decides no facts."""

from PySide6.QtCore import QCoreApplication

from dmr_desktop.desktop.service_words import in_own_words
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.protocol.notices import NetworkStatus, TcpStatus


def tcp_address(tcp: TcpStatus | None) -> str:
    if tcp is None:
        return "localhost"
    return f"localhost:{tcp.port}" + (f", {_tr('local network')}" if tcp.network.addresses else "")


def tcp_sentence(state: DesktopState) -> str:
    """Who can reach the service, in words."""
    tcp = state.tcp
    if tcp is None:
        return _tr("Not known while the service does not run.")
    if tcp.error:
        return in_own_words(tcp.error)
    if tcp.listening:
        sentence = _tr("Programs on this computer can reach {url}").format(url=state.base_url)
        return f"{sentence}. {_network_note(tcp.network)}" if tcp.network.enabled else sentence
    return _tr("Off: only this app, the dmr command and programs that use the socket can reach the models.")


def _network_note(network: NetworkStatus) -> str:
    if network.addresses:
        return _tr("The local network can reach it too, with the API key.")
    return _tr("The local network is to reach it too, but does not.")


def network_address(address: str, port: int) -> str:
    """As it stands in an address of the web, which needs brackets for IPv6."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def network_sentence(tcp: TcpStatus | None) -> str:
    """Whether other machines can reach the service, and where, in words."""
    if tcp is None:
        return _tr("Not known while the service does not run.")
    if tcp.network.error:
        return in_own_words(tcp.network.error)
    if tcp.network.addresses:
        where = ", ".join(network_address(address, tcp.port) for address in tcp.network.addresses)
        return _tr("Machines of the local network that have the API key can use everything here: {where}").format(
            where=where
        )
    return _tr("Other machines cannot reach the models.")


def origins_sentence(origins: tuple[str, ...]) -> str:
    """Which web pages may ask, in words."""
    if "*" in origins:
        return _tr("Any web page that is open in a browser here can use the models while TCP host access is on.")
    if origins:
        return _tr("These web pages can use the models while TCP host access is on; pages of this computer always can.")
    return _tr("Only pages that come from this computer can use the models, while TCP host access is on.")


def containers_sentence(containers: TcpStatus | None) -> str:
    """Who else can use the models, in words."""
    if containers is None:
        return _tr("Not known while the service does not run.")
    if containers.error:
        return in_own_words(containers.error)
    if containers.listening:
        where = ", ".join(f"{address}:{containers.port}" for address in containers.addresses)
        return _tr("Containers on this computer can use and list models, and nothing else: {where}").format(where=where)
    return _tr("Off: containers on this computer cannot reach the models.")


def _tr(text: str) -> str:
    return QCoreApplication.translate("Wording", text)
