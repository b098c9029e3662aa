"""What a session's record tells of itself."""

import msgspec
import pytest
from store_samples import make_record

from sidecar.contract.events import Channel
from webhook.store.contract import SEARCHED_BYTES


@pytest.mark.parametrize("channel", Channel)
def test_a_session_is_searchable_whole_until_a_channel_is_too_long(channel: Channel) -> None:
    field = f"{channel.value}_bytes"
    at_most = msgspec.structs.replace(make_record(), **{field: SEARCHED_BYTES})
    beyond = msgspec.structs.replace(at_most, **{field: SEARCHED_BYTES + 1})
    assert (at_most.searchable, beyond.searchable) == (True, False)
    assert beyond.channel_bytes(channel) == SEARCHED_BYTES + 1
