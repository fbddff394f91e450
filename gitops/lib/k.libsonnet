// This project's constructors of Kubernetes objects: labelled, hardened, spread over zones, closed to the network. One for each purpose.
local rbac = 'rbac.authorization.k8s.io';

{
  // An application of a region, or one of its parts. By default the objects have its name. All are in the application's namespace.
  app(region, name, namespace=name):: {
    local app = self,
    selector:: { 'app.kubernetes.io/name': name },
    labels:: app.selector {
      'app.kubernetes.io/part-of': 'regions',
      region: region.name,
      wave: region.wave,
      tenant: region.tenant,
    },

    // The metadata of an object that belongs to `part` of the application.
    metadata(part=name):: { name: part, namespace: namespace, labels: app.labels { 'app.kubernetes.io/name': part } },

    // The config map with the commit, so that every commit changes an object and is a real sync.
    release(revision):: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: app.metadata() + { name: 'release' },
      data: { commit: revision, region: region.name },
    },

    // Files for pods, by name.
    configMap(files, part=name):: { apiVersion: 'v1', kind: 'ConfigMap', metadata: app.metadata(part), data: files },

    // asks: whether its pods call the cluster's API, and get a token for that.
    serviceAccount(part=name, asks=false):: {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: app.metadata(part),
      [if !asks then 'automountServiceAccountToken']: false,
    },

    // A service account with rights in the cluster: the account, a role with its rules, and the binding of both.
    account(part, rules):: [
      app.serviceAccount(part, asks=true),
      { apiVersion: rbac + '/v1', kind: 'Role', metadata: app.metadata(part), rules: rules },
      {
        apiVersion: rbac + '/v1',
        kind: 'RoleBinding',
        metadata: app.metadata(part),
        roleRef: { apiGroup: rbac, kind: 'Role', name: part },
        subjects: [{ kind: 'ServiceAccount', name: part, namespace: namespace }],
      },
    ],

    service(ports):: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: app.metadata(),
      spec: {
        selector: app.selector,
        ports: [{ name: port, port: ports[port], targetPort: port } for port in std.objectFields(ports)],
      },
    },

    // Gives each pod of a StatefulSet a name.
    headless(ports):: app.service(ports) + { metadata+: { name: name + '-pods' }, spec+: { clusterIP: 'None' } },

    // The number of pods that a drain may stop at once.
    budget(maxUnavailable):: {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: app.metadata(),
      spec: { maxUnavailable: maxUnavailable, selector: { matchLabels: app.selector } },
    },

    // Identical pods without data.
    deployment(replicas, containers, volumes=[]):: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: app.metadata(),
      spec: { replicas: replicas, selector: { matchLabels: app.selector }, template: app.pod(containers, volumes) },
    },

    // A StatefulSet with a volume of its own for each pod, mounted as `data`.
    statefulSet(replicas, containers, storage, volumes=[]):: {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: app.metadata(),
      spec: {
        replicas: replicas,
        serviceName: name + '-pods',
        // Updates replace one pod after the other either way. By default not even the next commit replaces a pod that never becomes
        // ready: kubernetes.io, concepts/workloads/controllers/statefulset, "Forced rollback".
        podManagementPolicy: 'Parallel',
        selector: { matchLabels: app.selector },
        // A volume outlives a scaled-down or deleted StatefulSet.
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        template: app.pod(containers, volumes),
        volumeClaimTemplates: [{
          metadata: { name: 'data' },
          spec: {
            accessModes: ['ReadWriteOnce'],
            storageClassName: region.storageClass,
            resources: { requests: { storage: storage } },
          },
        }],
      },
    },

    // A volume that several pods of one node may mount. It outlives its removal from git.
    claim(part, storage):: {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: app.metadata(part) + { annotations: { 'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false' } },
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: region.storageClass,
        resources: { requests: { storage: storage } },
      },
    },

    // A scheduled task, on the node of the application's own pod, whose volumes it may mount. One run at a time.
    cronJob(part, schedule, container, volumes):: {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: app.metadata(part),
      spec: {
        schedule: schedule,
        concurrencyPolicy: 'Forbid',
        startingDeadlineSeconds: 3600,
        jobTemplate: { spec: {
          backoffLimit: 2,
          activeDeadlineSeconds: 6 * 3600,
          template: app.pod([container], volumes) + {
            metadata+: { labels+: { 'app.kubernetes.io/name': part } },
            spec+: {
              restartPolicy: 'Never',
              topologySpreadConstraints:: null,
              affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [
                { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: app.selector } },
              ] } },
            },
          },
        } },
      },
    },

    // A pod that runs as an ordinary user, has no access to the cluster's API, and is spread away from others of its kind.
    pod(containers, volumes=[]):: {
      metadata: { labels: app.labels },
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
        topologySpreadConstraints: [
          { maxSkew: 1, topologyKey: key, whenUnsatisfiable: 'ScheduleAnyway', labelSelector: { matchLabels: app.selector } }
          for key in ['topology.kubernetes.io/zone', 'kubernetes.io/hostname']
        ],
        terminationGracePeriodSeconds: 60,
        containers: containers,
        volumes: [{ name: 'scratch', emptyDir: {} }] + volumes,
      },
    },

    // Closes the namespace: only traffic that another policy allows passes. DNS is open to any address, since no policy can name a
    // cache on the node.
    closed():: [
      policy('closed', {}, {}),
      policy('names', {}, { egress: [{ ports: [{ port: 53, protocol: p } for p in ['UDP', 'TCP']] }] }),
    ],

    // Opens ports of an application's pods to other pods: by default those of this namespace.
    open(ports, peers=[app.here], policyName=name):: policy(policyName, app.selector, { ingress: [{ from: peers, ports: tcp(ports) }] }),

    // Lets Prometheus read an application's metrics.
    scraped(ports):: app.open(ports, [$.pods('prometheus', 'monitoring')], name + '-scraped'),

    // Lets a part's pods reach other pods: by default those of this namespace. With `peers` null, any address.
    // Without `ports`, any address by https: API servers, git hosts.
    out(part, ports=null, peers=[app.here], policyName=part + '-out'):: policy(policyName, { 'app.kubernetes.io/name': part }, {
      egress: [if ports == null then { ports: tcp([443]) } else { [if peers != null then 'to']: peers, ports: tcp(ports) }],
    }),

    // The pods of this namespace.
    here:: { podSelector: {} },

    local tcp(ports) = [{ port: port, protocol: 'TCP' } for port in ports],
    local policy(part, pods, rules) = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: app.metadata() + { name: part },
      spec: { podSelector: if pods == {} then {} else { matchLabels: pods } } + rules
            + { policyTypes: if rules == {} then ['Ingress', 'Egress'] else [{ ingress: 'Ingress', egress: 'Egress' }[rule] for rule in std.objectFields(rules)] },
    },
  },

  // Pods of a name, in a network policy's terms: in the policy's own namespace, unless `namespace` names another.
  pods(name, namespace=null):: { podSelector: { matchLabels: { 'app.kubernetes.io/name': name } } }
    + if namespace == null then {} else { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } },

  // A container that cannot change its files, gain rights, or use more memory than it requests. It may write to /tmp.
  container(name, image, cpu, memory):: {
    name: name,
    image: image,
    resources: { requests: { cpu: cpu, memory: memory }, limits: { memory: memory } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [{ name: 'scratch', mountPath: '/tmp' }],
  },

  // Restarts the pods of a StatefulSet or Deployment when these files change, since pods read the files at their start.
  knows(files):: {
    spec+: { template+: { metadata+: { annotations+: { 'regions/settings': std.md5(std.manifestJsonMinified(files)) } } } },
  },

  // Gives the pods of a StatefulSet or Deployment a token for the cluster's API.
  asks:: { spec+: { template+: { spec+: { automountServiceAccountToken: true } } } },

  // A variable out of a Secret.
  secret(variable, name, key):: { name: variable, valueFrom: { secretKeyRef: { name: name, key: key } } },

  // A probe by HTTP of the port `http`.
  probe(path, extra={}):: { httpGet: { path: path, port: 'http' } } + extra,
}
