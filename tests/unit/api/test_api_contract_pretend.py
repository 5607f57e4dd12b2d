"""The contract suite over the pretend engine."""

from engine_api_contract import *  # noqa: F403
from engine_api_contract_alive import *  # noqa: F403
