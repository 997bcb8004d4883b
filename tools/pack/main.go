// Command pack writes an OCI image of one layer as a tar archive that
// containerd imports and crane pushes. The same inputs give the same bytes, and
// so the same digest: no clock, no owner, no file order of the machine gets in.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
)

const usage = `usage: pack [-entrypoint JSON] [-cmd JSON] [-user USER] [-env K=V]... OUT.tar NAME:TAG SOURCE=PATH...
  SOURCE is a file or a folder of this machine, PATH its place in the image
`

func main() {
	var variables list
	entrypoint := flag.String("entrypoint", "[]", "JSON array")
	command := flag.String("cmd", "[]", "JSON array")
	user := flag.String("user", "", "user of the process")
	flag.Var(&variables, "env", "K=V, may be repeated")
	flag.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	flag.Parse()
	if flag.NArg() < 3 {
		flag.Usage()
		os.Exit(2)
	}
	settings := map[string]any{"Env": append([]string{"PATH=/usr/local/bin:/usr/bin:/bin"}, variables...)}
	if *user != "" {
		settings["User"] = *user
	}
	for name, text := range map[string]string{"Entrypoint": *entrypoint, "Cmd": *command} {
		var words []string
		check(json.Unmarshal([]byte(text), &words))
		if len(words) > 0 {
			settings[name] = words
		}
	}
	check(pack(flag.Arg(0), flag.Arg(1), settings, flag.Args()[2:]))
}

type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(v string) error { *l = append(*l, v); return nil }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

func pack(out, name string, settings map[string]any, sources []string) error {
	blobs := map[string][]byte{}
	add := func(mediaType string, blob []byte) descriptor {
		digest := sha256.Sum256(blob)
		blobs["blobs/sha256/"+hex.EncodeToString(digest[:])] = blob
		return descriptor{MediaType: mediaType, Digest: "sha256:" + hex.EncodeToString(digest[:]), Size: len(blob)}
	}
	layer, layerID, err := makeLayer(sources)
	if err != nil {
		return err
	}
	layerBlob := add("application/vnd.oci.image.layer.v1.tar+gzip", layer)
	config := add("application/vnd.oci.image.config.v1+json", marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "created": "1970-01-01T00:00:00Z", "config": settings,
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{layerID}},
	}))
	manifest := add("application/vnd.oci.image.manifest.v1+json", marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": config, "layers": []descriptor{layerBlob},
	}))
	manifest.Annotations = map[string]string{
		"io.containerd.image.name":          name,
		"org.opencontainers.image.ref.name": name[strings.LastIndex(name, ":")+1:],
	}
	blobs["oci-layout"] = []byte(`{"imageLayoutVersion":"1.0.0"}`)
	blobs["index.json"] = marshal(map[string]any{"schemaVersion": 2, "manifests": []descriptor{manifest}})

	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	paths := make([]string, 0, len(blobs))
	for p := range blobs {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	for _, p := range paths {
		if err := write(w, tar.Header{Typeflag: tar.TypeReg, Name: p, Mode: 0o644}, blobs[p]); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := os.WriteFile(out, archive.Bytes(), 0o644); err != nil {
		return err
	}
	fmt.Println(name, manifest.Digest)
	return nil
}

func marshal(value any) []byte {
	text, err := json.Marshal(value)
	check(err) // only maps and strings come here
	return text
}

func makeLayer(sources []string) (compressed []byte, id string, err error) {
	var buffer bytes.Buffer
	hash := sha256.New()
	zip, err := gzip.NewWriterLevel(&buffer, gzip.BestSpeed)
	if err != nil {
		return nil, "", err
	}
	w := tar.NewWriter(io.MultiWriter(zip, hash))
	made := map[string]bool{"": true, ".": true, "/": true}
	if err := folder(w, made, "tmp", 0o1777); err != nil {
		return nil, "", err
	}
	for _, source := range sources {
		from, to, found := strings.Cut(source, "=")
		if !found {
			return nil, "", fmt.Errorf("%q is not SOURCE=PATH", source)
		}
		if from, err = filepath.EvalSymlinks(from); err != nil {
			return nil, "", err
		}
		// WalkDir goes in lexical order, which is what makes the layer repeatable.
		err := filepath.WalkDir(from, func(p string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			inside, err := filepath.Rel(from, p)
			if err != nil {
				return err
			}
			return addEntry(w, made, p, strings.TrimPrefix(path.Join(to, inside), "/"), entry)
		})
		if err != nil {
			return nil, "", err
		}
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	if err := zip.Close(); err != nil {
		return nil, "", err
	}
	return buffer.Bytes(), "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}

func addEntry(w *tar.Writer, made map[string]bool, from, to string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return folder(w, made, to, 0o755)
	}
	if err := folder(w, made, path.Dir(to), 0o755); err != nil {
		return err
	}
	switch {
	case info.Mode().IsRegular():
		content, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		mode := int64(0o644)
		if info.Mode()&0o111 != 0 {
			mode = 0o755
		}
		return write(w, tar.Header{Typeflag: tar.TypeReg, Name: to, Mode: mode}, content)
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return write(w, tar.Header{Typeflag: tar.TypeSymlink, Name: to, Linkname: target, Mode: 0o777}, nil)
	default:
		return fmt.Errorf("%s is neither a file, a folder nor a link", from)
	}
}

// folder adds a folder and those above it, each once.
func folder(w *tar.Writer, made map[string]bool, name string, mode int64) error {
	if made[name] {
		return nil
	}
	made[name] = true
	if err := folder(w, made, path.Dir(name), 0o755); err != nil {
		return err
	}
	return write(w, tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode}, nil)
}

func write(w *tar.Writer, header tar.Header, content []byte) error {
	header.Size = int64(len(content))
	header.Format = tar.FormatUSTAR
	if len(header.Name) > 100 || len(header.Linkname) > 100 {
		header.Format = tar.FormatPAX
	}
	if err := w.WriteHeader(&header); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}
