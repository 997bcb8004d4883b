// Command calico holds Calico's per-node parts: the policy agent (felix) and
// the CNI plugin. The name it is called by selects the part, because the
// container runtime calls a CNI plugin by its file name.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/projectcalico/calico/cni-plugin/pkg/plugin"
	"github.com/projectcalico/calico/felix/daemon"
)

// version is set by the linker.
var version = "unknown"

func main() {
	switch name := filepath.Base(os.Args[0]); name {
	case "calico":
		plugin.Main(version)
	case "calico-felix":
		// Every setting comes from FELIX_* variables. Felix takes a missing
		// file for an empty one.
		daemon.Run("/etc/calico/felix.cfg", version, version, "local build")
	default:
		fmt.Fprintf(os.Stderr, "calico: called as %q; call it calico (the CNI plugin) or calico-felix (the agent)\n", name)
		os.Exit(2)
	}
}
