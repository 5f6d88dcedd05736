from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from redis_rehearsal.database.seed import SeedParameters
from redis_rehearsal.engine.encoding import decode, encode
from redis_rehearsal.engine.plan import Drawn, LoadSettings, WorkerPlan
from redis_rehearsal.settings import Settings
from tests.unit.engine.made import plan


@pytest.mark.parametrize("kind", [LoadSettings, SeedParameters])
def test_what_is_needed_of_the_settings_is_taken_by_its_names(kind: type[Any]) -> None:
    settings = Settings(cache_ttl=7, seed=3)
    taken = settings.some(kind)
    assert {field.name: getattr(taken, field.name) for field in fields(kind)} == settings.model_dump(
        include={field.name for field in fields(kind)}
    )


def test_a_plan_is_the_same_on_the_other_side() -> None:
    made = plan(organizations=[3, 4, 5], tenant_shares=np.array([0.1, 0.2, 0.3]), cache_ttl=7.0)
    told = decode(encode(made))
    assert isinstance(told, WorkerPlan)
    assert (told.settings, told.share.organizations, told.endpoints) == (made.settings, [3, 4, 5], made.endpoints)
    assert told.share.tenant_shares.tolist() == [0.1, 0.2, 0.3]
    assert "localhost:3" not in repr(told)


def test_each_thing_that_is_drawn_has_random_numbers_of_its_own_which_begin_anew() -> None:
    first = [plan().generator(drawn).random() for drawn in Drawn]
    assert len(set(first)) == len(Drawn)
    assert first == [plan().generator(drawn).random() for drawn in Drawn]
    assert not set(first) & {plan(index=1).generator(drawn).random() for drawn in Drawn}
