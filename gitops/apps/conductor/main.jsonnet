// The conductor: `regions promote`, the pipeline above the deployments. A CronWorkflow starts a new run when there is none, and never two
// at once. Each run ends before its app's token expires. Two runs at once would do no harm.
local k = import '../../lib/k.libsonnet';
local pins = import '../../pins/conductor.json';

local name = 'conductor';
local port = 9095;  // of its metrics
local minutes = 50;  // a GitHub app's token lasts 60
local secret(variable, key) = k.secret(variable, 'github-app', key);

function(region, revision)
  local app = k.app(region, name);
  app.closed() + app.account(name, [
    // Argo's own container in the pod reports the result with this right. The conductor itself has no rights in the cluster.
    { apiGroups: ['argoproj.io'], resources: ['workflowtaskresults'], verbs: ['create', 'patch'] },
  ]) + [
    app.out(name),
    app.scraped([port]),
    {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'CronWorkflow',
      metadata: app.metadata(),
      spec: {
        schedules: ['* * * * *'],
        concurrencyPolicy: 'Forbid',
        successfulJobsHistoryLimit: 1,
        failedJobsHistoryLimit: 3,
        workflowSpec: {
          entrypoint: 'promote',
          serviceAccountName: name,
          activeDeadlineSeconds: (minutes + 5) * 60,
          podGC: { strategy: 'OnWorkflowCompletion' },
          volumes: [{ name: 'clone', emptyDir: {} }],
          templates: [{
            name: 'promote',
            metadata: { labels: app.labels },
            container: {
              image: pins.conductor,
              workingDir: '/clone',
              command: ['python', '-m', 'waves.scm', '--clone', region.repository, '--checkout', 'regions.git'],
              args: ['promote', '--watch', '--every', '2', '--minutes', std.toString(minutes)]
                    + ['--metrics-port', std.toString(port)],
              ports: [{ name: 'metrics', containerPort: port }],
              env: [
                secret('GITHUB_APP_ID', 'app'),
                secret('GITHUB_APP_INSTALLATION_ID', 'installation'),
                secret('GITHUB_APP_PRIVATE_KEY', 'private-key'),
                // The pod's address alone, not every one of the node's.
                { name: 'WAVES_METRICS_HOST', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
              ],
              volumeMounts: [{ name: 'clone', mountPath: '/clone' }],
              resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '256Mi' } },
            },
          }],
        },
      },
    },
  ]
