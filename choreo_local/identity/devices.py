"""The device grant: a program shows a short code, a person types it into a browser elsewhere."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from choreo_local import clock
from choreo_local.identity.oauth import OAuthError
from choreo_local.identity.vault import Vault

_SECONDS = 600
_INTERVAL = 5
# No vowels, and no letters that look like others.
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


@dataclass(slots=True)
class _Device:
    client: str
    asked_at: float = 0.0
    user: str = ""
    is_refused: bool = False


class Devices:
    """Programs that wait for a person."""

    def __init__(self) -> None:
        self._by_device: Vault[_Device] = Vault(seconds=_SECONDS)
        self._by_user_code: Vault[_Device] = Vault(seconds=_SECONDS)

    def begin(self, client: str, *, verification: str) -> dict[str, Any]:
        """What the program is told, and tells the person."""
        device = _Device(client)
        letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
        user_code = f"{letters[:4]}-{letters[4:]}"
        self._by_user_code.put(device, name=user_code)
        return {
            "device_code": self._by_device.put(device),
            "user_code": user_code,
            "verification_uri": verification,
            "verification_uri_complete": f"{verification}?user_code={user_code}",
            "expires_in": _SECONDS,
            "interval": _INTERVAL,
        }

    def client_of(self, user_code: str) -> str:
        """The program that shows a code; "" when none does."""
        device = self._by_user_code.find(_plain(user_code))
        return device.client if device else ""

    def decide(self, user_code: str, user: str, *, is_allowed: bool) -> None:
        """A person typed the code and decided; it cannot be typed again."""
        device = self._by_user_code.take(_plain(user_code))
        if device is None:
            raise OAuthError("invalid_request", "the code is wrong or has expired")
        device.user = user if is_allowed else ""
        device.is_refused = not is_allowed

    def redeem(self, client: str, device_code: str) -> str:
        """The user who allowed it.

        Raises:
            OAuthError: nobody has decided yet, or it was refused, or it took too long.
        """
        device = self._by_device.find(device_code)
        if device is None or device.client != client:
            raise OAuthError("expired_token", "the device code is wrong or has expired")
        if device.is_refused:
            self._by_device.take(device_code)
            raise OAuthError("access_denied", "the person refused")
        # Of two that ask at once, one is too late.
        if device.user and self._by_device.take(device_code) is device:
            return device.user
        now = clock.unix()
        is_hasty, device.asked_at = now - device.asked_at < _INTERVAL, now
        if is_hasty:
            raise OAuthError("slow_down", f"ask every {_INTERVAL} seconds")
        raise OAuthError("authorization_pending", "nobody has typed the code yet")


def _plain(user_code: str) -> str:
    letters = "".join(char for char in user_code.upper() if char.isalpha())
    return f"{letters[:4]}-{letters[4:]}"
