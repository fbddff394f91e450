"""SIMULATED volume drivers of the clouds. Volumes appear and go at the same moments as real ones."""

from __future__ import annotations

import asyncio
import contextlib

from sandbox.supervisor.api import ApiServer, Object

DRIVERS = ("ebs.csi.aws.com", "pd.csi.storage.gke.io", "disk.csi.azure.com")
_CLAIMS = "/api/v1/persistentvolumeclaims"
_VOLUMES = "/api/v1/persistentvolumes"


class VolumeProvisioner:
    """Watches one cluster's claims and volumes, as an external provisioner does."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to watch."""
        self._tasks = [asyncio.create_task(self._provision()), asyncio.create_task(self._reclaim())]

    async def stop(self) -> None:
        """Stop watching."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _provision(self) -> None:
        async for claims in self._api.changes(_CLAIMS):
            for claim in claims:
                # The volume controller sets the provisioner, the scheduler the selected node (late binding).
                annotations = claim["metadata"].get("annotations", {})
                provisioner = annotations.get("volume.kubernetes.io/storage-provisioner")
                if claim["spec"].get("volumeName") or provisioner not in DRIVERS:
                    continue
                name = claim["spec"]["storageClassName"]
                storage_class = await self._api.get(f"/apis/storage.k8s.io/v1/storageclasses/{name}")
                if storage_class is None:
                    continue
                late = storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"
                if not late or "volume.kubernetes.io/selected-node" in annotations:
                    await self._api.create(_VOLUMES, volume(claim, storage_class))

    async def _reclaim(self) -> None:
        async for volumes in self._api.changes(_VOLUMES):
            for item in volumes:
                released = item.get("status", {}).get("phase") == "Released"
                if released and item["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
                    await self._api.delete(f"{_VOLUMES}/{item['metadata']['name']}")


def volume(claim: Object, storage_class: Object) -> Object:
    """The volume for a claim, already bound to it."""
    uid = claim["metadata"]["uid"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": f"pvc-{uid}",
            "annotations": {"pv.kubernetes.io/provisioned-by": storage_class["provisioner"]},
        },
        "spec": {
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "accessModes": claim["spec"]["accessModes"],
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "storageClassName": storage_class["metadata"]["name"],
            "csi": {"driver": storage_class["provisioner"], "volumeHandle": f"simulated-{uid}"},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "name": claim["metadata"]["name"],
                "namespace": claim["metadata"]["namespace"],
                "uid": uid,
            },
        },
    }
