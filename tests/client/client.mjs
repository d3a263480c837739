// A client that nobody here wrote, the official JavaScript one, against `kubarium serve`. The server
// is started by tests/http/javascript.rs, which hands its kubeconfig over in KUBECONFIG and how many
// simulated seconds pass in a real one in SPEED.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  ApiException,
  AppsV1Api,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  PatchStrategy,
  Watch,
  makeInformer,
  setHeaderOptions,
} from '@kubernetes/client-node'

const config = new KubeConfig()
config.loadFromDefault()
const core = config.makeApiClient(CoreV1Api)
const apps = config.makeApiClient(AppsV1Api)
const namespace = 'default'

// A watch that a failed test leaves open would keep the process alive.
after(() => setTimeout(() => process.exit(), 500).unref())

const until = async (what, holds, seconds = 30) => {
  const end = Date.now() + seconds * 1000
  while (Date.now() < end) {
    const found = await holds()
    if (found) return found
    await new Promise((done) => setTimeout(done, 50))
  }
  assert.fail(`not in ${seconds} s: ${what}`)
}

const configMap = (name, data = {}, labels = { test: 'maps' }) => ({
  metadata: { name, labels },
  data,
})

const refused = async (promise, code, reason) => {
  const error = await promise.then(
    () => assert.fail('it was accepted'),
    (error) => error,
  )
  assert.ok(error instanceof ApiException, String(error))
  const status = typeof error.body === 'string' ? JSON.parse(error.body) : error.body
  assert.deepEqual([error.code, status.reason], [code, reason])
  return status
}

test('what is created can be read, listed in pages and by label, and deleted', async () => {
  for (const name of ['a', 'b', 'c']) {
    await core.createNamespacedConfigMap({ namespace, body: configMap(`page-${name}`) })
  }
  const one = await core.readNamespacedConfigMap({ namespace, name: 'page-a' })
  assert.ok(one.metadata.creationTimestamp instanceof Date)
  const names = []
  let next
  do {
    const page = await core.listNamespacedConfigMap({
      namespace,
      labelSelector: 'test in (maps)',
      limit: 2,
      _continue: next,
    })
    names.push(...page.items.map((item) => item.metadata.name))
    next = page.metadata._continue
  } while (next)
  assert.deepEqual(names, ['page-a', 'page-b', 'page-c'])
  await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'test=maps' })
  const gone = await refused(
    core.readNamespacedConfigMap({ namespace, name: 'page-a' }),
    404,
    'NotFound',
  )
  assert.equal(gone.message, 'configmaps "page-a" not found')
})

test('each sort of patch does what it says, and a stale update is refused', async () => {
  const made = await apps.createNamespacedDeployment({
    namespace,
    body: {
      metadata: { name: 'patched' },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: 'patched' } },
        template: {
          metadata: { labels: { app: 'patched' } },
          spec: { containers: [{ name: 'web', image: 'nginx:1.29' }] },
        },
      },
    },
  })
  const patch = (strategy, body) =>
    apps.patchNamespacedDeployment(
      { namespace, name: 'patched', body },
      setHeaderOptions('Content-Type', strategy),
    )
  await patch(PatchStrategy.JsonPatch, [{ op: 'replace', path: '/spec/replicas', value: 2 }])
  await patch(PatchStrategy.MergePatch, { metadata: { labels: { by: 'merge' } } })
  const merged = await patch(PatchStrategy.StrategicMergePatch, {
    spec: { template: { spec: { containers: [{ name: 'side', image: 'redis:8' }] } } },
  })
  assert.equal(merged.spec.replicas, 2)
  assert.equal(merged.metadata.labels.by, 'merge')
  const containers = merged.spec.template.spec.containers.map((container) => container.name)
  assert.deepEqual(containers.sort(), ['side', 'web'])
  made.spec.replicas = 5
  await refused(
    apps.replaceNamespacedDeployment({ namespace, name: 'patched', body: made }),
    409,
    'Conflict',
  )
  await apps.deleteNamespacedDeployment({ namespace, name: 'patched' })
})

test('server-side apply owns fields, and says whose a field is', async () => {
  const objects = KubernetesObjectApi.makeApiClient(config)
  const apply = (manager, value, force) =>
    objects.patch(
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'applied', namespace },
        data: { key: value },
      },
      undefined,
      undefined,
      manager,
      force,
      PatchStrategy.ServerSideApply,
    )
  await apply('one', 'a')
  const status = await refused(apply('two', 'b'), 409, 'Conflict')
  assert.match(status.message, /conflict with "one": \.data\.key/)
  const forced = await apply('two', 'b', true)
  const managers = forced.metadata.managedFields.map((entry) => entry.manager)
  assert.deepEqual(managers, ['two'])
  await core.deleteNamespacedConfigMap({ namespace, name: 'applied' })
})

test('a watch shows a Deployment become Pods that are ready', async () => {
  const seen = []
  const controller = await new Watch(config).watch(
    `/api/v1/namespaces/${namespace}/pods`,
    { labelSelector: 'app=watched' },
    (type, pod) => seen.push([type, pod.metadata.name, pod.status.phase]),
    () => {},
  )
  await apps.createNamespacedDeployment({
    namespace,
    body: {
      metadata: { name: 'watched' },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'watched' } },
        template: {
          metadata: { labels: { app: 'watched' } },
          spec: { containers: [{ name: 'web', image: 'luksa/kubia' }] },
        },
      },
    },
  })
  await until('two Pods are running', () => {
    const running = seen.filter(([, , phase]) => phase === 'Running')
    return new Set(running.map(([, name]) => name)).size === 2
  })
  assert.equal(seen.filter(([type]) => type === 'ADDED').length, 2)
  const log = await core.readNamespacedPodLog({ namespace, name: seen[0][1] })
  assert.match(log, /Kubia server starting/)
  await apps.deleteNamespacedDeployment({ namespace, name: 'watched' })
  await until('they are gone', () => seen.filter(([type]) => type === 'DELETED').length === 2)
  controller.abort()
})

test('an informer whose revision was compacted away lists again and goes on', async () => {
  // The history goes after five simulated minutes.
  const path = `/api/v1/namespaces/${namespace}/configmaps`
  const revision = (await core.listNamespacedConfigMap({ namespace })).metadata.resourceVersion
  await core.createNamespacedConfigMap({ namespace, body: configMap('before') })
  const speed = Number(process.env.SPEED)
  await new Promise((done) => setTimeout(done, (700 / speed) * 1000))
  const told = await new Promise((done) => {
    new Watch(config).watch(
      path,
      { resourceVersion: revision },
      (type, status) => done([type, status.code, status.reason]),
      (error) => done(['END', error?.statusCode]),
    )
  })
  assert.deepEqual(told, ['ERROR', 410, 'Expired'])

  const known = new Map()
  let lists = 0
  const list = async () => {
    lists += 1
    const found = await core.listNamespacedConfigMap({ namespace })
    // The first list pretends to be as old as the revision that is gone.
    if (lists === 1) found.metadata.resourceVersion = revision
    return found
  }
  const informer = makeInformer(config, path, list)
  const keep = (object) => known.set(object.metadata.name, object.data)
  informer.on('add', keep)
  informer.on('update', keep)
  informer.on('delete', (object) => known.delete(object.metadata.name))
  informer.on('error', () => setTimeout(() => informer.start(), 50))
  await informer.start()
  await until('it has listed again', () => lists > 1)
  await core.createNamespacedConfigMap({ namespace, body: configMap('after', { a: '1' }) })
  await until('it sees what came after', () => known.has('after') && known.has('before'))
  await core.deleteNamespacedConfigMap({ namespace, name: 'before' })
  await until('it sees what went', () => !known.has('before'))
  await informer.stop()
  await core.deleteNamespacedConfigMap({ namespace, name: 'after' })
})
