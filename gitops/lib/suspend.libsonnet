// A suspended region keeps every resource, volumes above all, and runs no pod. A client that still uses the region gets errors.
local suspended = {
  StatefulSet: { spec+: { replicas: 0 } },
  Deployment: { spec+: { replicas: 0 } },
  CronJob: { spec+: { suspend: true } },
  CronWorkflow: { spec+: { suspend: true } },
};
// Gate tests would fail, since no pod answers.
local hook(object) = std.objectHas(std.get(object.metadata, 'annotations', {}), 'argocd.argoproj.io/hook');

function(objects) [object + std.get(suspended, object.kind, {}) for object in objects if !hook(object)]
