"""The contract suite over a live daemon on the real kernel."""

import pytest
from engine_api_contract import *  # noqa: F403
from engine_api_contract_alive import *  # noqa: F403

pytestmark = pytest.mark.system
