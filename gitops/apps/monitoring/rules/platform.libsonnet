// The platform of the applications: volumes, pods, nodes, certificates, and Argo CD.
local alerts = import 'alert.libsonnet';

local free = 'max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_available_bytes)'
             + ' / max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_capacity_bytes)';
// Objects of a kind without a ready pod, with the labels kind and name.
local noneReady(kind, ready, desired) =
  local down = ready + ' == 0 and on (namespace, ' + kind + ') ' + desired + ' > 0';
  local withName = 'label_replace(' + down + ', "name", "$1", "' + kind + '", "(.*)")';
  'max by (namespace, kind, name) (label_replace(' + withName + ', "kind", "' + kind + '", "", ""))';

function(region)
  local alert = alerts(region, 'alerts-platform');
  [
    {
      name: 'volumes',
      rules: [
        { record: 'volume:free:ratio', expr: free },
        alert.page(
          'VolumeFull',
          'volume:free:ratio < 0.05',
          '5m',
          'A volume is almost full',
          'Less than 5 % of {{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} is free.',
        ),
        alert.ticket(
          'VolumeFilling',
          'volume:free:ratio < 0.3 and predict_linear(volume:free:ratio[6h], 4 * 86400) < 0',
          '1h',
          'A volume will be full within four days',
          '{{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} fills as it did in the last six hours.',
        ),
      ],
    },
    {
      name: 'workloads',
      rules: [
        alert.page(
          'WorkloadDown',
          noneReady('statefulset', 'kube_statefulset_status_replicas_ready', 'kube_statefulset_replicas')
          + ' or ' + noneReady('deployment', 'kube_deployment_status_replicas_ready', 'kube_deployment_spec_replicas'),
          '10m',
          'A workload has no ready pod',
          'No pod of the {{ $labels.kind }} {{ $labels.namespace }}/{{ $labels.name }} is ready.',
        ),
        alert.ticket(
          'PodNotReady',
          'max by (namespace, pod) (kube_pod_status_ready{condition="true"}) == 0'
          + ' and on (namespace, pod) max by (namespace, pod) (kube_pod_status_phase{phase=~"Pending|Running|Unknown"}) == 1',
          '15m',
          'A pod does not become ready',
          '{{ $labels.namespace }}/{{ $labels.pod }} has not been ready for 15 minutes.',
        ),
        alert.ticket(
          'PodRestarting',
          'sum by (namespace, pod, container) (increase(kube_pod_container_status_restarts_total[1h])) > 3',
          '5m',
          'A container restarts again and again',
          '{{ $labels.container }} of {{ $labels.namespace }}/{{ $labels.pod }} has restarted more than three times in an hour.',
        ),
      ],
    },
    {
      name: 'nodes',
      rules: [
        alert.ticket(
          'NodeNotReady',
          'max by (node) (kube_node_status_condition{condition="Ready",status="true"}) == 0',
          '10m',
          'A node is not ready',
          '{{ $labels.node }} has not been ready for ten minutes.',
        ),
        alert.ticket(
          'NodePressure',
          'max by (node, condition) (kube_node_status_condition{condition=~"(Memory|Disk|PID)Pressure",status="true"}) == 1',
          '5m',
          'A node runs out of a resource',
          '{{ $labels.node }} reports {{ $labels.condition }}. It evicts pods, or soon will.',
        ),
        alert.ticket(
          'KubeletCertificateExpiring',
          std.join(' or ', [
            'min by (node) (kubelet_certificate_manager_' + role + '_ttl_seconds) < 2 * 86400'
            for role in ['server', 'client']
          ]),
          '1h',
          "A kubelet's certificate runs out",
          'A certificate of the kubelet on {{ $labels.node }} is valid for less than two days, without a renewal.',
        ),
      ],
    },
    {
      name: 'argocd',
      rules: [
        alert.ticket(
          'ArgoCDOutOfSync',
          'max by (name) (argocd_app_info{sync_status!="Synced"}) == 1',
          '30m',
          'The region does not run the commit of its branch',
          'The Application {{ $labels.name }} has not been Synced for 30 minutes.',
        ),
        alert.page(
          'ArgoCDDegraded',
          'max by (name) (argocd_app_info{health_status=~"Degraded|Missing|Unknown"}) == 1',
          '10m',
          'The region is not healthy',
          'The Application {{ $labels.name }} has not been healthy for ten minutes.',
        ),
        alert.ticket(
          'ArgoCDSyncFailed',
          'max by (name) (argocd_app_info{phase=~"Failed|Error"}) == 1',
          '15m',
          'The last sync or its gate tests failed',
          'The Application {{ $labels.name }} has failed to sync the last commit.',
        ),
      ],
    },
  ]
