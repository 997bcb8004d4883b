// Command kind-config checks a configuration of kind with kind's own code: the strict decoder and the validation that
// `kind create cluster --config` runs before it starts anything. Usage: go run . FILE
//
// Both are internal packages of kind. Go lets them be imported below sigs.k8s.io/kind/pkg, so this module has a name there.
package main

import (
	"fmt"
	"os"

	"sigs.k8s.io/kind/pkg/internal/apis/config/encoding"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: kind-config FILE")
		os.Exit(2)
	}
	cluster, err := encoding.Load(os.Args[1])
	if err == nil {
		err = cluster.Validate()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "kind-config: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
	for _, node := range cluster.Nodes {
		fmt.Println(cluster.Name, node.Role, node.Image)
	}
}
