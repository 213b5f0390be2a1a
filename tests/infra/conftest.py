import os

import pytest

from tests import synthesized


@pytest.fixture(scope="session", autouse=True)
def shared_syntheses(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Share synthesized templates in the folder of the whole run, which is the parent of each xdist worker's own."""
    folder = tmp_path_factory.getbasetemp()
    synthesized.shared_folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
