// InfluxDB 2: one stateful replica behind a service. Its data is on a volume of the region's encrypted SSD class.
local gate = import '../lib/gate.libsonnet';
local pins = import '../pins/influxdb.json';

local name = 'influxdb';
local port = 8086;
local sizes = {
  staging: { cpu: '250m', memory: '512Mi', disk: '10Gi' },
  internal: { cpu: '1', memory: '4Gi', disk: '100Gi' },
  external: { cpu: '2', memory: '8Gi', disk: '500Gi' },
};

function(settings)
  local size = std.get(sizes, settings.wave, sizes.external);
  local selector = { 'app.kubernetes.io/name': name };
  local labels = selector {
    'app.kubernetes.io/part-of': 'regions',
    region: settings.region,
    wave: settings.wave,
    tenant: settings.tenant,
  };
  local metadata(name) = { name: name, namespace: 'influxdb', labels: labels };
  local probe(path, extra={}) = { httpGet: { path: path, port: 'http' } } + extra;
  [
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: metadata(name),
      automountServiceAccountToken: false,
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: metadata(name),
      spec: {
        selector: selector,
        ports: [{ name: 'http', port: port, targetPort: 'http' }],
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: metadata(name + '-pods'),
      spec: {
        clusterIP: 'None',
        selector: selector,
        ports: [{ name: 'http', port: port, targetPort: 'http' }],
      },
    },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: metadata(name),
      // One replica that may not be evicted: a drained node waits until somebody moves it on purpose.
      spec: { maxUnavailable: 0, selector: { matchLabels: selector } },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: metadata(name),
      spec: {
        replicas: 1,
        serviceName: name + '-pods',
        // By default a pod that never gets ready is not even replaced by the next commit's: kubernetes.io,
        // concepts/workloads/controllers/statefulset, "Forced rollback".
        podManagementPolicy: 'Parallel',
        selector: { matchLabels: selector },
        // A volume outlives a scaled-down or deleted StatefulSet.
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        template: {
          metadata: { labels: labels },
          spec: {
            serviceAccountName: name,
            automountServiceAccountToken: false,
            securityContext: {
              runAsNonRoot: true,
              runAsUser: 1000,
              runAsGroup: 1000,
              fsGroup: 1000,
              fsGroupChangePolicy: 'OnRootMismatch',
              seccompProfile: { type: 'RuntimeDefault' },
            },
            terminationGracePeriodSeconds: 60,
            containers: [{
              name: name,
              image: pins.influxdb,
              args: ['influxd', '--reporting-disabled'],
              ports: [{ name: 'http', containerPort: port }],
              env: [
                { name: 'INFLUXD_BOLT_PATH', value: '/var/lib/influxdb2/influxd.bolt' },
                { name: 'INFLUXD_ENGINE_PATH', value: '/var/lib/influxdb2/engine' },
              ],
              // /ready answers once the engine is open, /health while the process serves: docs.influxdata.com, influxdb/v2/api.
              startupProbe: probe('/health', { periodSeconds: 5, failureThreshold: 60 }),
              readinessProbe: probe('/ready', { periodSeconds: 5 }),
              livenessProbe: probe('/health', { periodSeconds: 20, failureThreshold: 3 }),
              resources: {
                requests: { cpu: size.cpu, memory: size.memory },
                limits: { memory: size.memory },
              },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              volumeMounts: [
                { name: 'data', mountPath: '/var/lib/influxdb2' },
                { name: 'scratch', mountPath: '/tmp' },
                { name: 'scratch', mountPath: '/home/influxdb' },
              ],
            }],
            volumes: [{ name: 'scratch', emptyDir: {} }],
          },
        },
        volumeClaimTemplates: [{
          metadata: { name: 'data' },
          spec: {
            accessModes: ['ReadWriteOnce'],
            storageClassName: settings.storageClass,
            resources: { requests: { storage: size.disk } },
          },
        }],
      },
    },
  ] + gate(settings, 'influxdb', 'http://%s.influxdb.svc:%d' % [name, port])
