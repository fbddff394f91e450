// Monitoring: a Prometheus of the region's own with its rules, Alertmanager, kube-state-metrics, and Grafana. docs/operate/monitoring.md.
local k = import '../../lib/k.libsonnet';
local alertmanager = import 'alertmanager.libsonnet';
local grafana = import 'grafana.libsonnet';
local kubeStateMetrics = import 'kube-state-metrics.libsonnet';
local prometheus = import 'prometheus.libsonnet';

local name = 'monitoring';

function(region, revision)
  // Production has two replicas of each, so that the loss of a node loses no alert.
  local replicas = if region.production then 2 else 1;
  local part(component) = k.app(region, component, name);
  k.app(region, name).closed()
  + prometheus(region, part('prometheus'), replicas)
  + alertmanager(region, part('alertmanager'), replicas)
  + kubeStateMetrics(part('kube-state-metrics'))
  + grafana(region, part('grafana'))
