"""Checks a state of the page in every size and colour scheme, without loading it again."""

from __future__ import annotations

from tests.browser.stand_in import StandIn
from tests.chromium import axe_findings, screenshot

SIZES = ((1280, 800), (768, 1024), (375, 740))
MEDIA = ({"color_scheme": "light"}, {"color_scheme": "dark"}, {"color_scheme": "light", "forced_colors": "active"})


def check_looks(servers: StandIn, name: str) -> None:
    """Check that the state fits every size and that axe finds nothing serious, and leave it as it is."""
    page = servers.page
    for media in MEDIA:
        page.emulate_media(**{"forced_colors": "none", "reduced_motion": "reduce"} | media)  # type: ignore[arg-type]
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            # Colours hardly depend on the size
            if media is MEDIA[0] or width == SIZES[-1][0]:
                screenshot(page, f"{name}-{'-'.join(media.values())}-{width}")
                assert axe_findings(page) == []
    page.emulate_media(color_scheme=None, forced_colors=None, reduced_motion=None)
    page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})
