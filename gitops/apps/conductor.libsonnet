// The conductor: `waves promote`, the pipeline that sits above the deployments. A CronWorkflow that may not run twice at once starts
// it anew whenever it is not there; each run ends before its app's token does. Two at once would do no harm.
local pins = import '../pins/conductor.json';

local name = 'conductor';
local minutes = 50;  // a GitHub app's token lasts 60

function(settings)
  local metadata(name) = {
    name: name,
    namespace: 'conductor',
    labels: { 'app.kubernetes.io/name': 'conductor', 'app.kubernetes.io/part-of': 'regions', region: settings.region },
  };
  local secret(variable, key) = { name: variable, valueFrom: { secretKeyRef: { name: 'github-app', key: key } } };
  [
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: metadata(name),
    },
    {
      // What Argo's own container beside the step reports its result with; the conductor asks the cluster for nothing.
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: metadata(name),
      rules: [{ apiGroups: ['argoproj.io'], resources: ['workflowtaskresults'], verbs: ['create', 'patch'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: metadata(name),
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: name },
      subjects: [{ kind: 'ServiceAccount', name: name, namespace: 'conductor' }],
    },
    {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'CronWorkflow',
      metadata: metadata(name),
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
            container: {
              image: pins.conductor,
              workingDir: '/clone',
              command: ['python', '-m', 'waves', '--clone', settings.repository, '--checkout', 'regions.git'],
              args: ['promote', '--watch', '--every', '2', '--minutes', std.toString(minutes)],
              env: [
                secret('GITHUB_APP_ID', 'app'),
                secret('GITHUB_APP_INSTALLATION_ID', 'installation'),
                secret('GITHUB_APP_PRIVATE_KEY', 'private-key'),
              ],
              volumeMounts: [{ name: 'clone', mountPath: '/clone' }],
              resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '256Mi' } },
            },
          }],
        },
      },
    },
  ]
