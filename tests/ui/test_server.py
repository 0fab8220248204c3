"""What happens before the first session."""

import asyncio
import gc

from gradflow.ui import server


def test_warm_up_freezes_the_collector() -> None:
    async def live() -> int:
        async with server.warm_up(None):
            return gc.get_freeze_count()

    try:
        assert asyncio.run(live()) > 10_000
    finally:
        gc.unfreeze()
