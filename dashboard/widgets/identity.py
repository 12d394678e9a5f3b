"""Who looks at the page: the login, a name to type, and in the sidebar who one is and what follows from it.

`app` shows it before every page. It leaves out what a role allows (`core.jobs.permissions`), and how a login works,
which is Streamlit's business.
"""

from importlib.util import find_spec
from urllib.parse import urlsplit

import streamlit as st
from streamlit.auth_util import get_redirect_uri, is_authlib_installed

from core.jobs.people import (
    LONGEST_TYPED_NAME,
    NOBODY,
    DamagedPeople,
    declare_access,
    read_people,
)
from core.jobs.permissions import Change, why_not_to
from core.jobs.visibility import num_hidden
from core.runs.store import default_root
from dashboard import data
from dashboard.widgets.markdown import escaped

MEANINGS = {
    "viewer": "You may look at everything and change nothing.",
    "student": "You may do everything with your own runs, and look at those of others and clone them.",
    "admin": "You may do everything; what you do with the runs of others stands in their events.",
}


def identity() -> None:
    """Show who looks at the page; where people log in, stop here until somebody has."""
    how = data.access()
    declare_access(how)
    if how == "login" and data.person().name == NOBODY:
        _log_in()
        st.stop()
    if how == "open":
        st.warning(
            "Other machines reach this server, without a login: everyone sees all runs. Imports and the runs of others "
            "are closed.",
            icon=":material/public:",
        )
    try:
        read_people(default_root().resolve())
    except DamagedPeople as error:
        st.error(escaped(error), icon=":material/lock:")
    with st.sidebar:
        _who(how)


def login_is_installed() -> bool:
    """Return whether the optional packages with which Streamlit asks a provider are there."""
    return is_authlib_installed() and any(find_spec(name) for name in ("httpx2", "httpx"))


def why_not(change: Change) -> str | None:
    """Return why who looks at the page may not do something, for a button that is off, or None."""
    return why_not_to(change, data.store().root, data.person().name)


def _who(how: str) -> None:
    if how == "open":
        st.text_input(
            "Your name",
            key=data.TYPED_NAME,
            max_chars=LONGEST_TYPED_NAME,
            persist_state="session",
            help="Whose runs you start. Without a login it cannot be verified: others may write it too.",
        )
    person = data.person()
    if how == "machine" and not _has_file():
        return
    if person.name != NOBODY:
        st.markdown(
            f":material/person: {escaped(person.name)}",
            help=f"{person.role}: {MEANINGS[person.role]}",
        )
    if how == "login" and data.has_provider():
        st.button("Log out", key="log-out", type="tertiary", icon=":material/logout:", on_click=st.logout)  # fmt: skip
    hidden = num_hidden(data.store())
    if hidden:
        st.caption(f"{hidden:,} {'run' if hidden == 1 else 'runs'} of others hidden.")


def _has_file() -> bool:
    """Return whether people are told apart at all."""
    return data.store().layout.people.exists()


def _log_in() -> None:
    st.title("Petridish", anchor=False)
    if not data.has_provider():
        st.error("The proxy before this server does not say who you are.", icon=":material/lock:")
        return
    st.markdown("Log in to see the runs.")
    section = st.secrets["auth"]
    # The provider leads everybody to one address, and the cookie of a login holds there only.
    home = (get_redirect_uri(section) or "").removesuffix("oauth2callback")
    if _origin(home) not in ("", _origin(st.context.url or home)):
        st.link_button("Go where people log in", home, type="primary", icon=":material/login:", help=escaped(home))  # fmt: skip
        return
    is_off = not login_is_installed()
    if is_off:
        st.error(
            "Nobody can log in yet: the administrator must install what a login needs.",
            icon=":material/lock:",
        )
    names = [name for name, value in section.items() if hasattr(value, "items")]
    if "client_id" in section:
        st.button(
            "Log in", type="primary", icon=":material/login:", disabled=is_off, on_click=st.login
        )
    for name in names if "client_id" not in section else ():
        st.button(f"Log in with {escaped(name)}", key=f"log-in-{name}", disabled=is_off, on_click=st.login, args=(name,))  # fmt: skip


def _origin(url: str) -> str:
    """Return scheme, host and port of an address, "" without a host."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""
