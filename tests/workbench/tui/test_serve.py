"""The workbench in a browser: who has no token stays out, who has one gets the app."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import aiohttp
import pytest

from tests.workbench.command import FALCOWB, SAMPLES, falcowb

PATIENCE = 90


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
    return line.decode().strip()


async def test_token_and_app(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        FALCOWB, "serve", SAMPLES / "k8s_intrusion.jsonl", "-c", SAMPLES / "falco.yaml",
        "--port", "0",
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    )  # fmt: skip
    try:
        address = await _address(process)
        base, _, token = address.partition("/?token=")
        assert base.startswith("http://127.0.0.1:") and len(token) > 20
        await _stays_out(base)
        await _gets_in(base, token)
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), PATIENCE)


async def _stays_out(base: str) -> None:
    async with aiohttp.ClientSession() as stranger:
        for path in ("/", "/?token=wrong", "/ws", "/static/js/textual.js", "/download/x"):
            async with stranger.get(base + path) as response:
                assert response.status == 403, path
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await stranger.ws_connect(f"{base}/ws")


async def _gets_in(base: str, token: str) -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        async with browser.get(f"{base}/?token={token}") as response:
            page = await response.text()
            assert response.status == 200 and "token" not in str(response.url)
            assert "textual.js" in page
            assert "googleapis" not in response.headers["Content-Security-Policy"]
        with pytest.raises(aiohttp.WSServerHandshakeError):  # From a page of somebody else's.
            await browser.ws_connect(f"{base}/ws", origin="http://evil.example")
        async with browser.ws_connect(f"{base}/ws?width=120&height=40", origin=base) as socket:
            seen = b""

            async def read() -> None:
                nonlocal seen
                async for message in socket:
                    if message.type == aiohttp.WSMsgType.BINARY:
                        seen += message.data
                    if b"alerts" in seen and b"183" in seen:
                        return

            await asyncio.wait_for(read(), PATIENCE)
            assert b"k8s_intrusion" in seen


def test_what_is_not_there_and_a_port_that_is_taken(tmp_path: Path) -> None:
    import socket

    ran = falcowb("serve", tmp_path / "no.scap")
    assert ran.code == 1 and "no such file" in ran.err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = falcowb("serve", "--port", str(taken.getsockname()[1]))
        assert ran.code == 1 and "cannot listen" in ran.err
    ran = falcowb("serve", "--token", "short")
    assert ran.code == 1 and "guessed" in ran.err
