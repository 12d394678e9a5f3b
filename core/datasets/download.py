"""Download: one file from an address, checked before it is in place, going on where an earlier try stopped.

pooch retries and moves the file into place; what is added here is to go on, to stop at a limit, and plain messages.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.exceptions import CoreError, InvalidInput

_RETRIES = 2
_TIMEOUT_SECONDS = 30
_LARGEST = 2**28
_BLOCK = 2**16


def download(
    base: str,
    name: str,
    folder: Path,
    check: Callable[[Path], None],
    tell: Callable[[float], None],
) -> Path:
    """Fetch `base` + `name` to `folder / name`.

    What arrived of a file that was interrupted stays as `.<name>.part`, and the next call asks for the rest.

    Args:
        base: address that ends with "/".
        name: of the file.
        folder: where to put it; must be there. A file of this name must not.
        check: raises InvalidInput for any other file than the wanted one.
        tell: told the share that is fetched.

    Returns:
        The file's path.

    Raises:
        CoreError: it cannot be reached, is not there, or is not the wanted file.
    """
    import pooch  # with requests 0.3 s, which only those who fetch need
    import requests

    pooch.get_logger().setLevel("WARNING")
    store = pooch.create(folder, base, registry={name: None}, retry_if_failed=_RETRIES)
    downloader: Any = _Resuming(
        folder / f".{name}.part", check, tell
    )  # its stub names other arguments
    try:
        store.fetch(name, downloader=downloader)
    except requests.HTTPError as error:
        raise CoreError(f"{name}: the server answered {error.response.status_code}.") from None
    except requests.Timeout:
        raise CoreError(f"{name}: no answer within {_TIMEOUT_SECONDS} s.") from None
    except requests.RequestException:
        raise CoreError(f"{name}: the server cannot be reached, or the line broke off.") from None
    except ValueError as error:
        raise CoreError(str(error)) from None
    except OSError as error:
        raise CoreError(f"{name} cannot be written: {error.strerror}.") from None
    finally:
        downloader.forget_empty()
    return folder / name


class _Resuming:
    """Downloads for pooch: into a part file, which is continued, checked, and only then handed over."""

    def __init__(
        self, part: Path, check: Callable[[Path], None], tell: Callable[[float], None]
    ) -> None:
        self.part, self.check, self.tell = part, check, tell

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        """Fetch an address to a file, as pooch asks for it."""
        import pooch as library
        import requests

        start = self.part.stat().st_size if self.part.exists() else 0
        # Without this requests would unpack what a server calls gzip.
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        with self.part.open("ab") as file:

            def look(response: requests.Response, **_: Any) -> None:
                # A server that knows no ranges sends the whole file again.
                if start and response.status_code == 200:
                    file.truncate(0)

            fetch = library.HTTPDownloader(
                progressbar=_Meter(self.part, start, self.tell),
                chunk_size=_BLOCK,
                headers=headers,
                timeout=_TIMEOUT_SECONDS,
                hooks={"response": look},
            )
            try:
                fetch(url, file, None)
            except requests.HTTPError as error:
                status = error.response.status_code
                # 416: the part is as long as the file already, so it may be whole.
                if status != 416 and status < 500:
                    raise InvalidInput(
                        f"{self.part.name[1:-5]}: the server answered {status}."
                    ) from None
                if status != 416:
                    raise
        try:
            self.check(self.part)
        except InvalidInput as error:
            self.part.unlink()
            raise ValueError(str(error)) from None  # pooch tries again
        os.replace(self.part, output_file)

    def forget_empty(self) -> None:
        """Delete a part file that holds nothing."""
        if self.part.exists() and not self.part.stat().st_size:
            self.part.unlink()


class _Meter:
    """What pooch calls a progress bar."""

    def __init__(self, part: Path, start: int, tell: Callable[[float], None]) -> None:
        self.part, self.start, self.tell, self.total = part, start, tell, 0

    def update(self, number: int) -> None:
        size = self.part.stat().st_size
        if size > _LARGEST:
            self.part.unlink()
            raise InvalidInput(f"{self.part.name[1:-5]} has more than {_LARGEST >> 20} MiB there.")
        whole = max(self.start + self.total, size)
        self.tell(size / whole if whole else 1.0)

    def reset(self) -> None:
        """Nothing to set back."""

    def close(self) -> None:
        """Nothing to close."""
