"""The few pages that people see in a browser: sign in, a device's code, a word of result.

Plain HTML, no script, nothing from elsewhere; whatever comes from a request is escaped.
"""

from __future__ import annotations

import html

from starlette.responses import HTMLResponse, Response

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:12vh auto;padding:0 1rem;
color:#1b1f24;background:#fff}
h1{font-size:1.3rem}label{display:block;margin:.8rem 0}
input{width:100%;box-sizing:border-box;font:inherit;padding:.4rem}
button{font:inherit;padding:.5rem 1.2rem;margin:.6rem .6rem 0 0}
.problem{color:#a40000}.hint{color:#57606a;font-size:.9rem}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}.problem{color:#ff8080}}
"""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def login(*, client: str, pending: str, name: str = "", problem: str = "") -> Response:
    """Ask for name and password, on behalf of a program."""
    fields = _hidden("request", pending) + _credentials(name)
    body = (
        f"<p>The program <b>{_safe(client)}</b> asks who you are.</p>{_problem(problem)}"
        f'<form method="post" action="/oauth2/login">{fields}<button>Sign in</button></form>'
    )
    return _page("Sign in", body, status=401 if problem else 200)


def device(*, user_code: str = "", name: str = "", problem: str = "") -> Response:
    """Ask for the code that a device shows, and for name and password."""
    code = (
        '<label>Code<input name="user_code" autocomplete="off" required '
        f'value="{_safe(user_code)}"></label>'
    )
    buttons = (
        '<button name="decision" value="allow">Allow</button>'
        '<button name="decision" value="refuse">Refuse</button>'
    )
    body = (
        "<p>Type the code that the program shows. Allow it only if you started that program."
        f"</p>{_problem(problem)}"
        f'<form method="post" action="/device">{code}{_credentials(name)}{buttons}</form>'
    )
    return _page("Sign in a program", body, status=400 if problem else 200)


def message(title: str, text: str, *, status: int = 200) -> Response:
    """Say something."""
    return _page(title, f"<p>{_safe(text)}</p>", status=status)


def _credentials(name: str) -> str:
    return (
        '<label>User name<input name="username" autocomplete="username" required autofocus '
        f'value="{_safe(name)}"></label>'
        '<label>Password<input name="password" type="password" '
        'autocomplete="current-password" required></label>'
    )


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{_safe(value)}">'


def _problem(text: str) -> str:
    return f'<p class="problem" role="alert">{_safe(text)}</p>' if text else ""


def _page(title: str, body: str, *, status: int) -> Response:
    content = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_safe(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{_safe(title)}</h1>{body}</body></html>"
    )
    return HTMLResponse(content, status_code=status, headers=HEADERS)


def _safe(text: str) -> str:
    return html.escape(text, quote=True)
