"""The browser's database keeps the promises that every storage of the client makes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support.node import executable
from tests.support.process import ServerProcess

WEB = Path(__file__).parents[2] / "web"

_BUILD = """
import { build } from "vite";
await build({
  configFile: false, logLevel: "warn", publicDir: false,
  build: { outDir: process.argv[1], lib: { entry: "contract.ts", formats: ["es"], fileName: "c" } },
  plugins: [{
    name: "contract",
    resolveId: (id) => (id.endsWith("contract.ts") ? "\\0contract" : null),
    load: (id) => id !== "\\0contract" ? null : `
      export { STORAGE_CONTRACT } from "/src/client/storage.contract.ts";
      export { IndexedDbStorage } from "/src/client/indexeddb.ts";`,
  }],
});
"""

_RUN = """async () => {
  const { STORAGE_CONTRACT, IndexedDbStorage } = await import("/contract.js");
  const broken = {};
  let count = 0;
  for (const [promise, clause] of Object.entries(STORAGE_CONTRACT)) {
    count += 1;
    try {
      await clause(new IndexedDbStorage(`contract ${count}`));
    } catch (error) {
      broken[promise] = String(error);
    }
  }
  return { count, broken };
}"""


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("contract")
    done = subprocess.run(
        [executable(), "--input-type=module", "--eval", _BUILD, str(folder)],
        cwd=WEB,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (script,) = folder.iterdir()
    return script.read_text()


def test_the_database_keeps_its_promises(
    contract: str, browser: Browser, place: ServerProcess
) -> None:
    page = browser.new_page()
    page.route(
        "**/contract.js", lambda route: route.fulfill(body=contract, content_type="text/javascript")
    )
    page.goto(f"{place.url}/livez")
    result = page.evaluate(_RUN)
    page.context.close()
    assert result["count"] > 10
    assert result["broken"] == {}, json.dumps(result["broken"], indent=1)
