"""Reads a QR code of a page from the screen, as another device does."""

from __future__ import annotations

import base64

from playwright.sync_api import Locator

from tests import PROJECT

_JSQR = PROJECT / "node_modules" / "jsqr" / "dist" / "jsQR.js"
_DECODE = """async (png) => {
  const bytes = Uint8Array.from(atob(png), (character) => character.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes]));
  const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
  context.drawImage(image, 0, 0);
  const { data, width, height } = context.getImageData(0, 0, image.width, image.height);
  return jsQR(data, width, height)?.data;
}"""


def scanned(image: Locator) -> str:
    """Return the text of the QR code."""
    picture = image.screenshot()
    image.page.evaluate(_JSQR.read_text())
    return str(image.page.evaluate(_DECODE, base64.b64encode(picture).decode()))
