"""Real processes, real storms, a real browser."""

import pytest

pytest.register_assert_rewrite("tests.acceptance.storms")
