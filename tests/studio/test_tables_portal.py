"""The rules of settings, checks, counters and the log, which an edit keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medianest_models.models import ActivityLog, RateLimit, Service, ServiceStatusHistory, SystemConfig
from medianest_models.seed import seed
from tests.studio.conftest import alerts

if TYPE_CHECKING:
    from tests.studio.conftest import Visitor


async def test_a_setting_keeps_its_shape_and_its_mark(visitor: Visitor) -> None:
    await seed()
    config = await SystemConfig.get(key="youtube.concurrent_downloads")
    response = await visitor.edit("system_config", config.id, value='{"max": 0}')
    assert response.status_code == 422
    assert "must hold max" in alerts(response)
    await visitor.edit("system_config", config.id, value='{"max": 7}', description="mine")
    await config.refresh_from_db()
    assert (config.value, config.description, config.customized_at is None) == ({"max": 7}, "mine", False)
    await visitor.create("system_config", key="own", value="[1]", description="d")
    assert (await SystemConfig.get(key="own")).description == "d"


async def test_checks_and_counters_and_entries(visitor: Visitor) -> None:
    await seed()
    service = await Service.get(name="plex")
    await visitor.create("service_status_history", service=str(service.id), status="up", response_time_ms="12")
    check = await ServiceStatusHistory.get()
    assert check.response_time_ms == 12
    response = await visitor.edit("service_status_history", check.id, response_time_ms="-1")
    assert response.status_code == 422
    assert "ck_service_status_history_response_time_ms" in alerts(response)
    await visitor.create("rate_limits", endpoint="x", ip_address="::ffff:192.0.2.1")
    assert (await RateLimit.get()).ip_address == "192.0.2.1"
    await visitor.create("activity_logs", action="note", metadata='{"a": 1}')
    entry = await ActivityLog.get(action="note")
    assert entry.metadata == {"a": 1}
    assert (await visitor.get("/activity_logs/edit", pk=entry.id)).status_code == 403
    assert (await visitor.delete("activity_logs", entry.id)).status_code == 200
    assert await ActivityLog.filter(action="studio.delete", entity_id=str(entry.id)).exists()
