"""ObservabilityAlertRule, when to raise an alarm, and the channels that carry it to people."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from choreo_local.api.common import (
    Conditions,
    EmptyStatus,
    Int64,
    KubernetesObject,
    NonEmpty,
    Port,
    SecretValueSource,
    Timestamp,
)
from choreo_local.api.schema import (
    LIST_SET,
    REQUIRED,
    URI,
    Model,
    Rule,
    checked_by,
    immutable,
)
from choreo_local.api.values import AlertOperator, AlertSource, ChannelType

_ATOM = "[a-zA-Z0-9!#$%&'*+/=?^_~-]+"
_HOST_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
EMAIL = rf"^{_ATOM}(?:\.{_ATOM})*@{_HOST_LABEL}(?:\.{_HOST_LABEL})*$"
EmailAddress = Annotated[str, Field(pattern=EMAIL)]


class RuleSource(Model):
    """What the rule looks at."""

    type: AlertSource = Field(description="Kind of signal.")
    query: str | None = Field(None, description="Query over logs.")
    metric: str | None = Field(None, description="Name of the metric.")


class RuleCondition(Model):
    """When the rule fires."""

    window: str = Field(description="Span of time that is looked at, e.g. 5m.")
    interval: str = Field(description="How often it is looked at, e.g. 1m.")
    operator: AlertOperator = Field(description="How the figure is compared.")
    threshold: Int64 = Field(description="What it is compared with.")


class RuleNotifications(Model):
    """Who is told."""

    channels: Annotated[list[NonEmpty], Field(min_length=1), LIST_SET] = Field(
        description="Names of notification channels."
    )


class RuleIncident(Model):
    """What is opened beside the notification."""

    model_config = checked_by(
        Rule(
            "self.triggerAiRca != true || self.enabled == true",
            "Incident must be enabled to trigger AI RCA",
        ),
        Rule(
            "self.triggerAiCostAnalysis != true || self.enabled == true",
            "Incident must be enabled to trigger AI cost analysis",
        ),
    )

    enabled: bool = Field(default=False, description="Whether an incident is opened.")
    trigger_ai_rca: bool = Field(
        default=False, description="Whether the root-cause analysis agent is started."
    )
    trigger_ai_cost_analysis: bool = Field(
        default=False, description="Whether the cost analysis agent is started."
    )


class RuleActions(Model):
    """What happens when the rule fires."""

    notifications: RuleNotifications = Field(description="Who is told.")
    incident: RuleIncident | None = Field(None, description="The incident that is opened.")


class ObservabilityAlertRuleSpec(Model):
    """When to raise an alarm, and what then."""

    model_config = checked_by(
        Rule(
            "!has(self.actions.incident) || self.actions.incident.triggerAiCostAnalysis != true"
            " || self.source.type == 'budget'",
            "AI cost analysis can only be triggered for budget alerts",
        )
    )

    name: str = Field(description="Name of the rule.")
    description: str | None = Field(None, description="What the alarm means.")
    severity: str | None = Field(None, description="How bad it is.")
    enabled: bool | None = Field(None, description="Whether the rule is in force; yes if absent.")
    source: RuleSource = Field(description="What is looked at.")
    condition: RuleCondition = Field(description="When the rule fires.")
    actions: RuleActions = Field(description="What happens then.")


class ObservabilityAlertRuleStatus(Model):
    """What the controller observed."""

    observed_generation: Int64 | None = Field(None, description="Generation last seen.")
    phase: str | None = Field(None, description="Ready or Error.")
    conditions: Conditions | None = None
    last_reconcile_time: Timestamp | None = Field(None, description="When it was last looked at.")
    last_sync_time: Timestamp | None = Field(
        None, description="When the observer last took it over."
    )
    backend_monitor_id: str | None = Field(None, description="Id at the observer.")


class ObservabilityAlertRule(KubernetesObject):
    """When to raise an alarm about a component."""

    kind: Literal["ObservabilityAlertRule"] = "ObservabilityAlertRule"
    spec: ObservabilityAlertRuleSpec | None = None
    status: ObservabilityAlertRuleStatus | None = None


class SmtpAuth(Model):
    """Credentials for the mail server."""

    username: SecretValueSource = Field(description="Where the user name is kept.")
    password: SecretValueSource = Field(description="Where the password is kept.")


class SmtpTls(Model):
    """How the mail server's certificate is checked."""

    insecure_skip_verify: Annotated[bool, REQUIRED] = Field(
        default=False, description="Whether any certificate will do."
    )


class SmtpServer(Model):
    """The mail server."""

    host: str = Field(description="Host name.")
    port: Port = Field(description="Port.")
    auth: SmtpAuth = Field(description="Credentials.")
    tls: SmtpTls = Field(description="How its certificate is checked.")


class EmailTemplate(Model):
    """Text of the message."""

    subject: str = Field(description="Subject; may hold CEL.")
    body: str = Field(description="Body; may hold CEL.")


class EmailConfig(Model):
    """Delivery by e-mail."""

    from_: EmailAddress = Field(alias="from", description="Sender.")
    to: Annotated[list[EmailAddress], Field(min_length=1)] = Field(description="Recipients.")
    smtp: SmtpServer = Field(description="The mail server.")
    template: EmailTemplate = Field(description="Text of the message.")


class HeaderValue(Model):
    """Value of a header, in place or in a secret."""

    model_config = checked_by(
        Rule(
            "has(self.value) != has(self.valueFrom)",
            "exactly one of value or valueFrom must be set",
        )
    )

    value: str | None = Field(None, description="The value itself.")
    value_from: SecretValueSource | None = Field(None, description="Where the value is kept.")


class WebhookConfig(Model):
    """Delivery by an HTTP request."""

    url: Annotated[str, URI] = Field(description="Address that is called.")
    headers: dict[str, HeaderValue] | None = Field(None, description="Headers by name.")
    payload_template: str | None = Field(
        None, description="Body of the request; may hold CEL. All of the alarm if absent."
    )


class ObservabilityAlertsNotificationChannelSpec(Model):
    """How people of an environment are told."""

    model_config = checked_by(
        Rule(
            "self.type != 'email' || has(self.emailConfig)",
            "emailConfig is required when type is email",
        ),
        Rule(
            "self.type != 'webhook' || has(self.webhookConfig)",
            "webhookConfig is required when type is webhook",
        ),
    )

    environment: Annotated[str, immutable("spec.environment")] = Field(
        description="Name of the environment."
    )
    is_env_default: bool = Field(
        default=False, description="Whether rules that name no channel use this one."
    )
    type: ChannelType = Field(description="Way of delivery.")
    email_config: EmailConfig | None = Field(None, description="Delivery by e-mail.")
    webhook_config: WebhookConfig | None = Field(None, description="Delivery by HTTP.")


class ObservabilityAlertsNotificationChannel(KubernetesObject):
    """Carries the alarms of an environment to people."""

    kind: Literal["ObservabilityAlertsNotificationChannel"] = (
        "ObservabilityAlertsNotificationChannel"
    )
    spec: ObservabilityAlertsNotificationChannelSpec | None = None
    status: EmptyStatus | None = None
