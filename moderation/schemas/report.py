"""Readers' reports, and what staff see of them."""

from __future__ import annotations

from marshmallow import fields, validate

from moderation.domain.report import ReportReason
from moderation.schemas.fields import OpenWire, Text, Timestamp

MAX_REPORT_NOTE_CHARS = 1000


class NewReportSchema(OpenWire):
    reason = fields.Enum(ReportReason, by_value=True, required=True)
    note = Text(
        validate=validate.Length(max=MAX_REPORT_NOTE_CHARS),
        allow_none=True,
        load_default=None,
        metadata={"description": "For the moderators; nobody else sees it."},
    )


class ReceivedSchema(OpenWire):
    received = fields.Boolean(required=True)


class ReportSchema(OpenWire):
    """A report as staff see it: not by whom."""

    report_id = fields.String(required=True)
    reason = fields.String(
        required=True, metadata={"enum": [str(reason) for reason in ReportReason]}
    )
    note = fields.String(required=True, allow_none=True)
    by = fields.String(required=True, metadata={"description": "`guest` or `reader`."})
    decision_id = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The decision by which it was dealt with; null while open."},
    )
    created_at = Timestamp(required=True, metadata={"format": "date-time"})
