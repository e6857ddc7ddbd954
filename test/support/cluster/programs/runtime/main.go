// The OCI runtime that containerd calls: it goes on as runc, and on "create" puts itself in the place of a program that the
// image does not have. As that program, inside a container, it ends at once ("done") or waits for a signal ("run").
// Namespaces whose names begin with "real" get runc as it is.
//
// AIRGAP_CLUSTER is the cluster's folder, AIRGAP_NODE the address of its API server.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const inside = "/.stand-in"

func main() {
	if os.Args[0] == inside {
		if len(os.Args) > 1 && os.Args[1] == "done" {
			fmt.Println("stand-in: done")
			return
		}
		fmt.Println("stand-in: running")
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
		go func() { // as pause does, for whoever is given to process 1
			for range time.Tick(time.Second) {
				for {
					if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
						break
					}
				}
			}
		}()
		<-stop
		return
	}
	if err := prepare(os.Args[1:]); err != nil {
		note("error: %v", err)
	}
	args := append([]string{"runc"}, os.Args[1:]...)
	fmt.Fprintln(os.Stderr, syscall.Exec("/usr/sbin/runc", args, os.Environ()))
	os.Exit(1)
}

func prepare(args []string) error {
	create, bundle := false, ""
	for i, arg := range args {
		switch {
		case arg == "create":
			create = true
		case arg == "--bundle" && i+1 < len(args):
			bundle = args[i+1]
		case strings.HasPrefix(arg, "--bundle="):
			bundle = strings.TrimPrefix(arg, "--bundle=")
		}
	}
	if !create || bundle == "" {
		return nil
	}
	file := filepath.Join(bundle, "config.json")
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var spec map[string]any
	decoder := json.NewDecoder(strings.NewReader(string(content)))
	decoder.UseNumber()
	if err := decoder.Decode(&spec); err != nil {
		return err
	}
	process, _ := spec["process"].(map[string]any)
	root, _ := spec["root"].(map[string]any)
	if process == nil || root == nil {
		return nil
	}
	rootfs, _ := root["path"].(string)
	if !filepath.IsAbs(rootfs) {
		rootfs = filepath.Join(bundle, rootfs)
	}
	annotations := texts(spec["annotations"])
	if strings.HasPrefix(annotations["io.kubernetes.cri.sandbox-namespace"], "real") &&
		annotations["io.kubernetes.cri.container-type"] == "container" {
		return nil
	}
	if has(rootfs, process) {
		note("real %s %s/%s", annotations["io.kubernetes.cri.image-name"], annotations["io.kubernetes.cri.sandbox-name"], annotations["io.kubernetes.cri.container-name"])
		return nil
	}
	mode := "run"
	if annotations["io.kubernetes.cri.container-type"] == "container" {
		mode = modeOf(annotations)
	}
	note("%s %s %s/%s", mode, annotations["io.kubernetes.cri.image-name"], annotations["io.kubernetes.cri.sandbox-name"], annotations["io.kubernetes.cri.container-name"])
	process["args"] = []string{inside, mode}
	process["cwd"] = "/"
	program, err := os.Executable()
	if err != nil {
		return err
	}
	mounts, _ := spec["mounts"].([]any)
	spec["mounts"] = append(mounts, map[string]any{
		"destination": inside, "type": "bind", "source": program,
		"options": []string{"bind", "ro"},
	})
	content, err = json.Marshal(spec)
	if err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o600)
}

// has says whether the program that the container is to run is in its image.
func has(rootfs string, process map[string]any) bool {
	args, _ := process["args"].([]any)
	if len(args) == 0 {
		return false
	}
	program, _ := args[0].(string)
	candidates := []string{program}
	if !strings.Contains(program, "/") {
		candidates = nil
		for _, folder := range strings.Split("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ":") {
			candidates = append(candidates, folder+"/"+program)
		}
	} else if !filepath.IsAbs(program) {
		cwd, _ := process["cwd"].(string)
		candidates = []string{filepath.Join(cwd, program)}
	}
	for _, candidate := range candidates {
		if info, err := os.Lstat(filepath.Join(rootfs, candidate)); err == nil && !info.IsDir() {
			return true
		}
	}
	return false
}

// modeOf asks the API server what the container is: one that has to end (of a Job, a test, an init container), or not.
func modeOf(annotations map[string]string) string {
	pair, err := tls.LoadX509KeyPair(inCluster("pki/admin.crt"), inCluster("pki/admin.key"))
	if err != nil {
		note("error: %v", err)
		return "run"
	}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{pair}, InsecureSkipVerify: true}, //nolint:gosec
	}}
	url := fmt.Sprintf("https://%s:6443/api/v1/namespaces/%s/pods/%s", os.Getenv("AIRGAP_NODE"),
		annotations["io.kubernetes.cri.sandbox-namespace"], annotations["io.kubernetes.cri.sandbox-name"])
	request, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	answer, err := client.Do(request)
	if err != nil {
		note("error: %v", err)
		return "run"
	}
	defer answer.Body.Close()
	var pod struct {
		Spec struct {
			RestartPolicy  string
			InitContainers []struct{ Name, RestartPolicy string }
		}
	}
	body, _ := io.ReadAll(answer.Body)
	if err := json.Unmarshal(body, &pod); err != nil {
		note("error: %v", err)
		return "run"
	}
	for _, init := range pod.Spec.InitContainers {
		if init.Name == annotations["io.kubernetes.cri.container-name"] {
			if init.RestartPolicy == "Always" {
				return "run"
			}
			return "done"
		}
	}
	if pod.Spec.RestartPolicy == "Never" || pod.Spec.RestartPolicy == "OnFailure" {
		return "done"
	}
	return "run"
}

func texts(value any) map[string]string {
	result := map[string]string{}
	if entries, ok := value.(map[string]any); ok {
		for key, entry := range entries {
			result[key], _ = entry.(string)
		}
	}
	return result
}

func inCluster(path string) string {
	return filepath.Join(os.Getenv("AIRGAP_CLUSTER"), path)
}

func note(format string, values ...any) {
	file, err := os.OpenFile(inCluster("log/runtime.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return
	}
	defer file.Close()
	fmt.Fprintf(file, time.Now().UTC().Format("15:04:05.000 ")+format+"\n", values...)
}
