"""Let failures in what the pages share be told with their values."""

import pytest

pytest.register_assert_rewrite("blocks", "commands")
