"""One helm, and a chart of our own to install with it."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.user import User

FILES = {
    "Chart.yaml": """
        apiVersion: v2
        name: shop
        version: 1.2.3
        appVersion: "7"
        """,
    "values.yaml": """
        colour: red
        replicas: 1
        broken: false
        """,
    "crds/offers.yaml": """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: offers.helm.example.com}
        spec:
          group: helm.example.com
          scope: Namespaced
          names: {plural: offers, singular: offer, kind: Offer}
          versions:
            - name: v1
              served: true
              storage: true
              schema:
                openAPIV3Schema:
                  type: object
                  properties: {spec: {type: object, properties: {price: {type: integer}}}}
        """,
    "templates/offer.yaml": """
        apiVersion: helm.example.com/v1
        kind: Offer
        metadata: {name: "{{ .Release.Name }}"}
        spec: {price: 5}
        """,
    "templates/settings.yaml": """
        {{- $own := lookup "v1" "Namespace" "" .Release.Namespace }}
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: "{{ .Release.Name }}-settings"}
        data:
          colour: "{{ .Values.colour }}"
          revision: "{{ .Release.Revision }}"
          kube: "{{ .Capabilities.KubeVersion.Version }}"
          batch: "{{ .Capabilities.APIVersions.Has "batch/v1/Job" }}"
          seen: "{{ if $own }}{{ $own.metadata.name }}{{ end }}"
        """,
    "templates/web.yaml": """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: "{{ .Release.Name }}-web"}
        spec:
          replicas: {{ .Values.replicas }}
          selector: {matchLabels: {app: "{{ .Release.Name }}"}}
          template:
            metadata: {labels: {app: "{{ .Release.Name }}", colour: "{{ .Values.colour }}"}}
            spec:
              terminationGracePeriodSeconds: 1
              containers:
                - name: web
                  image: "choreo.local/{{ if .Values.broken }}absent{{ else }}web{{ end }}:1.0"
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: "{{ .Release.Name }}-web"}
        spec:
          selector: {app: "{{ .Release.Name }}"}
          ports: [{port: 80, targetPort: 8080}]
        """,
    "templates/hooks.yaml": """
        {{- $before := list "pre-install" "pre-upgrade" "pre-rollback" "pre-delete" }}
        {{- range $moment := concat $before (list "post-install" "test") }}
        ---
        apiVersion: batch/v1
        kind: Job
        metadata:
          name: "{{ $.Release.Name }}-{{ $moment }}"
          annotations:
            helm.sh/hook: {{ $moment }}
            {{- $after := eq $moment "pre-upgrade" | ternary ",hook-succeeded" "" }}
            helm.sh/hook-delete-policy: before-hook-creation{{ $after }}
        spec:
          backoffLimit: 0
          template:
            spec:
              restartPolicy: Never
              containers:
                - name: hook
                  image: choreo.local/web:1.0
                  command: [sh, -c, "echo {{ $moment }} of {{ $.Release.Revision }}"]
        {{- end }}
        """,
    "templates/NOTES.txt": "Colour {{ .Values.colour }} in {{ .Release.Namespace }}",
}


@dataclass(frozen=True, slots=True)
class Helm:
    """A release of helm and the namespace that it works in."""

    user: User
    program: Path
    version: str
    namespace: str

    @property
    def is_three(self) -> bool:
        """Whether it is of the third line."""
        return self.version.startswith("3.")

    def __call__(self, *arguments: str) -> str:
        """Run a command that must succeed; what it printed."""
        printed = self.user.types(str(self.program), "-n", self.namespace, *arguments)
        log = self.user.last_log() if printed.code else ""
        assert printed.code == 0, f"helm {' '.join(arguments)}: {printed.err}{printed.out}{log}"
        return printed.out

    def refuses(self, *arguments: str) -> str:
        """Run a command that must fail; what it said."""
        printed = self.user.types(str(self.program), "-n", self.namespace, *arguments)
        assert printed.code != 0, printed.out
        return printed.err

    def json(self, *arguments: str) -> Any:
        """What a command printed as JSON."""
        return json.loads(self(*arguments, "-o", "json"))

    def chart(self) -> str:
        """The folder of the chart, written anew."""
        folder = self.user.home / self.namespace / "chart"
        for name, content in FILES.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(content).lstrip())
        return str(folder)
