// Prometheus' targets in a region: pods by namespace, name and port, and each node's kubelet.
local namespace = 'monitoring';
local kubelet = 10250;
local token = '/var/run/secrets/kubernetes.io/serviceaccount/';

// Job to its pods and port. `name` is the pods' app.kubernetes.io/name, if it differs from the job's.
local parts = {
  alertmanager: { namespace: namespace, port: 9093 },
  argocd: { namespace: 'argocd', port: 8082, name: 'argocd-application-controller' },
  'kube-state-metrics': { namespace: namespace, port: 8080 },
  prometheus: { namespace: namespace, port: 9090 },
};
local applications = {
  conductor: { namespace: 'conductor', port: 9095 },
  front: { namespace: 'front', port: 8080 },
  influxdb: { namespace: 'influxdb', port: 8086 },
};

local pods(job, where) = {
  job_name: job,
  // The labels of kube-state-metrics' series name the objects' namespaces and pods, not its own.
  honor_labels: job == 'kube-state-metrics',
  kubernetes_sd_configs: [{ role: 'pod', namespaces: { names: [where.namespace] } }],
  relabel_configs: [
    {
      source_labels: ['__meta_kubernetes_pod_label_app_kubernetes_io_name', '__meta_kubernetes_pod_container_port_number'],
      regex: std.get(where, 'name', job) + ';' + where.port,
      action: 'keep',
    },
    // The API still lists a finished pod, which would be a target that is down.
    { source_labels: ['__meta_kubernetes_pod_phase'], regex: 'Failed|Succeeded', action: 'drop' },
    { source_labels: ['__meta_kubernetes_namespace'], target_label: 'namespace' },
    { source_labels: ['__meta_kubernetes_pod_name'], target_label: 'pod' },
  ],
};

local nodes(job, path) = {
  job_name: job,
  scheme: 'https',
  metrics_path: path,
  authorization: { credentials_file: token + 'token' },
  tls_config: { ca_file: token + 'ca.crt' },
  kubernetes_sd_configs: [{ role: 'node' }],
  relabel_configs: [{ source_labels: ['__meta_kubernetes_node_name'], target_label: 'node' }],
};

function(region) {
  local here = parts { [name]: applications[name] for name in region.applications if std.objectHas(applications, name) },

  namespace: namespace,
  kubelet: kubelet,
  ports: std.set([here[job].port for job in std.objectFields(here)]),
  names: std.objectFields(here) + ['kubelet', 'kubelet-resource'],
  configs: [pods(job, here[job]) for job in std.objectFields(here)]
           + [nodes('kubelet', '/metrics'), nodes('kubelet-resource', '/metrics/resource')],
}
