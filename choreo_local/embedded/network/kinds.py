"""The kinds that the network reads and writes."""

from __future__ import annotations

from choreo_local.apimachinery.gvk import ResourceKind

_GATEWAY_GROUP = "gateway.networking.k8s.io"
_KGATEWAY_GROUP = "gateway.kgateway.dev"
_ENVOY_GATEWAY_GROUP = "gateway.envoyproxy.io"

NAMESPACES = ResourceKind("", "v1", "Namespace", "namespaces", namespaced=False)
EVENTS = ResourceKind("", "v1", "Event", "events")
CONFIG_MAPS = ResourceKind("", "v1", "ConfigMap", "configmaps")
PODS = ResourceKind("", "v1", "Pod", "pods")
SECRETS = ResourceKind("", "v1", "Secret", "secrets")
SERVICES = ResourceKind("", "v1", "Service", "services")
NETWORK_POLICIES = ResourceKind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")
ENDPOINT_SLICES = ResourceKind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
CILIUM_POLICIES = ResourceKind("cilium.io", "v2", "CiliumNetworkPolicy", "ciliumnetworkpolicies")
CUSTOM_RESOURCE_DEFINITIONS = ResourceKind(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)
GATEWAY_CLASSES = ResourceKind(
    _GATEWAY_GROUP, "v1", "GatewayClass", "gatewayclasses", namespaced=False
)
GATEWAYS = ResourceKind(_GATEWAY_GROUP, "v1", "Gateway", "gateways")
HTTP_ROUTES = ResourceKind(_GATEWAY_GROUP, "v1", "HTTPRoute", "httproutes")
GRPC_ROUTES = ResourceKind(_GATEWAY_GROUP, "v1", "GRPCRoute", "grpcroutes")
TLS_ROUTES = ResourceKind(_GATEWAY_GROUP, "v1", "TLSRoute", "tlsroutes")
TLS_ROUTES_ALPHA = ResourceKind(_GATEWAY_GROUP, "v1alpha2", "TLSRoute", "tlsroutes")
REFERENCE_GRANTS = ResourceKind(_GATEWAY_GROUP, "v1beta1", "ReferenceGrant", "referencegrants")
TRAFFIC_POLICIES = ResourceKind(_KGATEWAY_GROUP, "v1alpha1", "TrafficPolicy", "trafficpolicies")
GATEWAY_EXTENSIONS = ResourceKind(
    _KGATEWAY_GROUP, "v1alpha1", "GatewayExtension", "gatewayextensions"
)
SECURITY_POLICIES = ResourceKind(
    _ENVOY_GATEWAY_GROUP, "v1alpha1", "SecurityPolicy", "securitypolicies"
)
BACKEND_TRAFFIC_POLICIES = ResourceKind(
    _ENVOY_GATEWAY_GROUP, "v1alpha1", "BackendTrafficPolicy", "backendtrafficpolicies"
)
HTTP_ROUTE_FILTERS = ResourceKind(
    _ENVOY_GATEWAY_GROUP, "v1alpha1", "HTTPRouteFilter", "httproutefilters"
)
