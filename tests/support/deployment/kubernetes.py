"""Checks deploy/k8s: the manifests as written, and as kubectl renders them where kubectl is installed."""

import re
import shutil
import subprocess

import yaml

from .facts import PATHS, ROLES, yaml_documents

BASE, EXAMPLE = "deploy/k8s/base", "deploy/k8s/example"
# A probe's timeout allows for a process that gets hardly any CPU.
PROBE_SECONDS = 5
KINDS = {"Namespace", "ConfigMap", "Deployment", "StatefulSet", "Service", "HorizontalPodAutoscaler",
         "PodDisruptionBudget", "NetworkPolicy"}


def check(facts):
    base = check_resources(facts, BASE)
    example = check_resources(facts, EXAMPLE, {"pod-monitor.yaml", "scrape.yaml"})
    workloads = {document["metadata"]["name"]: document
                 for document in base if document["kind"] in ("Deployment", "StatefulSet")}
    for role in ROLES:
        if facts.expect(role in workloads, f"{BASE}: {role} is missing"):
            check_workload(facts, role, workloads[role])
    for document in base:
        check_others(facts, document, workloads)
    check_generated(facts)
    check_budgets(facts, base, workloads)
    check_ingress(facts, example, base)
    check_scraping(facts)


def check_with_tools(facts):
    for folder in (BASE, EXAMPLE):
        check_rendered(facts, folder)


def check_resources(facts, folder, left_out=frozenset()):
    """Every file is listed as a resource and every listed resource exists. Returns the documents of the files."""
    kustomization = facts.yaml(f"{folder}/kustomization.yaml")[0]
    files = {path.name for path in (facts.root / folder).glob("*.yaml")} - {"kustomization.yaml"} - left_out
    named = set(kustomization["resources"])
    for name in named:
        facts.expect((facts.root / folder / name).exists(), f"{folder}/kustomization.yaml: there is no {name}")
    facts.expect(files <= named, f"{folder}/kustomization.yaml leaves out {', '.join(sorted(files - named))}")
    for image in kustomization["images"]:
        facts.expect(image["newTag"] == facts.version,
                     f"{folder}/kustomization.yaml: {image['name']}:{image['newTag']}, the program is {facts.version}")
    return [document for name in sorted(files & named) for document in facts.yaml(f"{folder}/{name}")]


def config_files(facts):
    """{ConfigMap: {key: file}} of the generator."""
    generated = facts.yaml("deploy/config/kustomization.yaml")[0]["configMapGenerator"]
    return {one["name"]: {name: f"deploy/config/{name}" for name in one["files"]} for one in generated}


def check_workload(facts, role, workload):
    where = f"{BASE}: {role}"
    spec = workload["spec"]
    pod = spec["template"]["spec"]
    container = pod["containers"][0]
    labels = spec["template"]["metadata"]["labels"]
    facts.expect(spec["selector"]["matchLabels"].items() <= labels.items(),
                 f"{where}: the selector does not match the pod's labels")
    facts.expect(role != "issuer" or spec.get("replicas") == 1, f"{where}: there may be one issuer only")
    facts.expect(container["image"] == "coupond", f"{where}: the image is {container['image']}")
    check_mounts(facts, where, role, pod, container)
    check_ports(facts, where, role, container, spec["template"]["metadata"]["annotations"])
    check_probes(facts, where, container)
    check_security(facts, where, pod, container)
    sleep = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep", "0"])
    drain = (facts.number(facts.configs["gateway"], "gateway/drain_timeout_ms")
             + int(facts.configs["gateway"].get("gateway/drain_delay_ms", 0))) / 1000
    facts.expect(pod["terminationGracePeriodSeconds"] > int(sleep[1]) + drain,
                 f"{where}: terminationGracePeriodSeconds is shorter than draining")
    facts.expect("requests" in container["resources"] and "memory" in container["resources"]["limits"],
                 f"{where}: resources are wanted")


def check_mounts(facts, where, role, pod, container):
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    volumes.update({claim: {} for claim in claims_of(facts, role)})
    generated, configs, secrets = config_files(facts), {}, []
    for mount in container["volumeMounts"]:
        if not facts.expect(mount["name"] in volumes, f"{where}: there is no volume {mount['name']}"):
            continue
        volume = volumes[mount["name"]]
        if "configMap" in volume:
            files = generated.get(volume["configMap"]["name"], {})
            if facts.expect(mount["subPath"] in files,
                            f"{where}: {volume['configMap']['name']} has no {mount['subPath']}"):
                configs[mount["mountPath"]] = files[mount["subPath"]]
        for item in volume.get("secret", {}).get("items", []):
            secrets.append(f"{mount['mountPath']}/{item['path']}")
            facts.expect(item["key"] in example_secrets(facts), f"{where}: {EXAMPLE} makes no secret {item['key']}")
    facts.check_command(where, container["args"], configs)
    facts.check_secrets(where, role, secrets)
    writable = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    journal = facts.configs["issuer"].get("issuer/journal_dir", "")
    facts.expect(role != "issuer" or any(journal.startswith(path + "/") for path in writable),
                 f"{where}: nothing keeps {journal}")


def claims_of(facts, role):
    workload = facts.yaml(f"{BASE}/{role}.yaml")[0]
    return [claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])]


def example_secrets(facts):
    generated = facts.yaml(f"{EXAMPLE}/kustomization.yaml")[0]["secretGenerator"]
    return {literal.split("=")[0] for one in generated if one["name"] == "coupond" for literal in one["literals"]}


def check_ports(facts, where, role, container, annotations):
    ports = {port["containerPort"] for port in container["ports"]}
    facts.expect(ports == facts.ports(role),
                 f"{where}: containerPorts are {sorted(ports)}, it listens on {sorted(facts.ports(role))}")
    operator = next((port["containerPort"] for port in container["ports"] if port["name"] == "operator"), None)
    facts.expect(annotations["prometheus.io/port"] == str(operator),
                 f"{where}: the metrics are not on {annotations['prometheus.io/port']}")


def check_probes(facts, where, container):
    names = {port["name"] for port in container["ports"]}
    for kind, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        probe = container.get(kind, {}).get("httpGet", {})
        facts.expect(probe.get("path") == path and path in PATHS, f"{where}: {kind} asks {probe.get('path')}")
        facts.expect(probe.get("port") in names, f"{where}: {kind}: there is no port {probe.get('port')}")
        patience = container.get(kind, {}).get("timeoutSeconds", 1)
        facts.expect(patience >= PROBE_SECONDS,
                     f"{where}: {kind} gives up after {patience} s, which a crowd takes longer than")


def check_security(facts, where, pod, container):
    context = container["securityContext"]
    facts.expect(pod["securityContext"]["runAsNonRoot"], f"{where}: it may run as root")
    facts.expect(pod["securityContext"]["runAsUser"] == image_user(facts),
                 f"{where}: the image's user is {image_user(facts)}")
    facts.expect(context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"],
                 f"{where}: its root can be written to")
    facts.expect(context["capabilities"]["drop"] == ["ALL"], f"{where}: it keeps capabilities")


def image_user(facts):
    found = re.search(r"^USER (\d+)", facts.text("Dockerfile"), re.M)
    return int(found[1]) if found else 0


def check_others(facts, document, workloads):
    """Services, disruption budgets, autoscalers and network policies refer to existing workloads and ports."""
    kind, name = document["kind"], document["metadata"]["name"]
    where, spec = f"{BASE}: {kind} {name}", document.get("spec", {})
    if kind == "HorizontalPodAutoscaler":
        facts.expect(spec["scaleTargetRef"]["name"] in workloads,
                     f"{where}: there is no {spec['scaleTargetRef']['name']}")
    selector = {"Service": spec.get("selector"), "PodDisruptionBudget": spec.get("selector", {}).get("matchLabels"),
                "NetworkPolicy": spec.get("podSelector", {}).get("matchLabels")}.get(kind)
    if selector is None:
        return
    chosen = [one
              for one in workloads.values()
              if selector.items() <= one["spec"]["template"]["metadata"]["labels"].items()]
    if not facts.expect(len(chosen) == 1, f"{where}: its selector finds {len(chosen)} workloads"):
        return
    ports = {port["name"]: port["containerPort"]
             for port in chosen[0]["spec"]["template"]["spec"]["containers"][0]["ports"]}
    for port in spec.get("ports", []):
        facts.expect(port["targetPort"] in ports, f"{where}: there is no port {port['targetPort']}")
        headless = spec.get("clusterIP") == "None"
        facts.expect(not headless or port["port"] == ports.get(port["targetPort"]),
                     f"{where}: {port['targetPort']} is not on {port['port']}")
    for rule in spec.get("ingress", []):
        for port in rule["ports"]:
            facts.expect(port["port"] in ports.values(), f"{where}: nothing listens on {port['port']}")
    if kind == "NetworkPolicy":
        opened = {port["port"] for rule in spec["ingress"] for port in rule["ports"]}
        facts.expect(opened == set(ports.values()), f"{where}: nobody reaches {sorted(set(ports.values()) - opened)}")
        check_egress(facts, where, name, spec)


def check_egress(facts, where, role, spec):
    """A role may reach every port that its configuration names, and DNS."""
    wanted = {53,
              *(int(port) for value in facts.configs[role].values()
                for port in re.findall(r"://(?!0\.0\.0\.0)[^:/]+:(\d+)", value))}
    wanted |= {3306} if "store/host" in facts.configs[role] else set()
    reached = {port["port"] for rule in spec.get("egress", []) for port in rule["ports"]}
    facts.expect("Egress" in spec["policyTypes"] and wanted == reached,
                 f"{where}: it needs {sorted(wanted)} and may reach {sorted(reached)}")


def check_budgets(facts, base, workloads):
    """Maintenance of nodes evicts neither the issuer nor all members of another role."""
    budgets = {document["metadata"]["name"] for document in base if document["kind"] == "PodDisruptionBudget"}
    facts.expect(set(ROLES) <= budgets, f"{BASE}: no PodDisruptionBudget for {', '.join(sorted(set(ROLES) - budgets))}")
    for role, wanted in (("issuer", "false"), ("persister", "true")):
        found = workloads[role]["spec"]["template"]["metadata"]["annotations"].get(
            "cluster-autoscaler.kubernetes.io/safe-to-evict"
        )
        facts.expect(found == wanted, f"{BASE}: {role}: safe-to-evict is {found}")


def check_ingress(facts, example, base):
    ports = {(one["metadata"]["name"], port["name"]) for one in base if one["kind"] == "Service"
             for port in one["spec"]["ports"]}
    for document in (one for one in example if one["kind"] == "Ingress"):
        for path in (path for rule in document["spec"]["rules"] for path in rule["http"]["paths"]):
            backend = path["backend"]["service"]
            facts.expect((backend["name"], backend["port"]["name"]) in ports,
                         f"{EXAMPLE}: Ingress: there is no {backend}")


def check_scraping(facts):
    """Both ways of scraping give the labels that the rules of monitoring/ ask for."""
    endpoint = facts.yaml(f"{EXAMPLE}/pod-monitor.yaml")[0]["spec"]["podMetricsEndpoints"][0]
    job = facts.yaml(f"{EXAMPLE}/scrape.yaml")[0][0]
    given = {rule.get("targetLabel") for rule in endpoint["relabelings"]}
    facts.expect({"job", "role"} <= given, f"{EXAMPLE}/pod-monitor.yaml gives {given}")
    roles = {rule.get("target_label") for rule in job["relabel_configs"]}
    facts.expect(job["job_name"] == "coupond" and "role" in roles, f"{EXAMPLE}/scrape.yaml gives {roles}")


def check_generated(facts):
    for name, files in config_files(facts).items():
        for path in files.values():
            facts.expect((facts.root / path).exists(), f"deploy/config/kustomization.yaml: {name}: there is no {path}")


def check_rendered(facts, folder):
    """Needs kubectl 1.21 or newer: older versions do not accept a folder as a resource."""
    if not kubectl_is_new():
        return
    result = subprocess.run(["kubectl", "kustomize", str(facts.root / folder)], capture_output=True, text=True,
                            check=False)
    if not facts.expect(result.returncode == 0, f"{folder}: {result.stderr.strip()}"):
        return
    rendered = yaml_documents(result.stdout)
    kinds = {document["kind"] for document in rendered}
    wanted = KINDS | {"Ingress"} if folder == EXAMPLE else KINDS
    facts.expect(wanted <= kinds, f"{folder}: not rendered: {', '.join(sorted(wanted - kinds))}")
    names = {document["metadata"]["name"] for document in rendered if document["kind"] in ("ConfigMap", "Secret")}
    pods = yaml.safe_dump_all([document for document in rendered if document["kind"] in ("Deployment", "StatefulSet")])
    used = set(re.findall(r"(?:secretName|configMap:\n\s+name): (\S+)", pods))
    if folder == EXAMPLE:
        facts.expect(used <= names, f"{folder}: nobody makes {', '.join(sorted(used - names))}")
    images = set(re.findall(r"image: (\S+)", result.stdout))
    facts.expect(all(image.endswith(f"coupond:{facts.version}") for image in images),
                 f"{folder}: images are {sorted(images)}")


def kubectl_is_new():
    if not shutil.which("kubectl"):
        return False
    version = subprocess.run(["kubectl", "version", "--client"], capture_output=True, text=True, check=False).stdout
    found = re.search(r'(?:Version: |GitVersion:")v1\.(\d+)', version)
    return bool(found) and int(found[1]) >= 21
