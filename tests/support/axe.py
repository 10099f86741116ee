"""What axe-core finds wrong with a page in a browser."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tests.support.browser import Browser


def violations(browser: Browser) -> list[str]:
    """Each rule that is broken, with the places."""
    package = importlib.util.find_spec("axe_playwright_python")
    assert package is not None and package.origin is not None
    # Through the protocol of the developer tools: the page's own policy lets no script in from elsewhere.
    browser.command("Runtime.evaluate", expression=(Path(package.origin).parent / "axe.min.js").read_text("utf-8"))
    result = browser.run_async("return await axe.run({resultTypes: ['violations']})")
    return [f"{rule['id']}: {[node['target'] for node in rule['nodes']]}" for rule in result["violations"]]
