// Command portal joins the cluster's network namespace, which has no way out,
// to the loopback interface of the machine.
//
// A listening socket belongs for ever to the namespace it was opened in. So
// `portal listen` opens the sockets in the machine's namespace and then becomes
// the program that makes the new namespaces; deep inside, `portal forward`
// accepts on the inherited sockets and dials addresses of the cluster. It is
// one of the cluster's processes, so the portal closes when the cluster ends.
//
// The other two subcommands serve the same scripts: `ready` polls an HTTPS
// endpoint far more cheaply than kubectl does, `ports` finds free ports.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const usage = `usage:
  portal listen -addresses FILE [ADDRESS...] -- COMMAND [ARGUMENT...]
      listen on each ADDRESS (or the next free port above it), write the addresses
      to FILE and become COMMAND, with the sockets' numbers in $PORTAL_SOCKETS
  portal forward SOCKET=ADDRESS...
      pass connections to each inherited SOCKET on to ADDRESS
  portal ready -ca FILE -cert FILE -key FILE -timeout DURATION URL
      wait until URL answers 200
  portal ports COUNT
      print COUNT free ports of 127.0.0.1
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	var err error
	switch arguments := os.Args[2:]; os.Args[1] {
	case "listen":
		err = listen(arguments)
	case "forward":
		err = forward(arguments)
	case "ready":
		err = ready(arguments)
	case "ports":
		err = ports(arguments)
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "portal:", err)
		os.Exit(1)
	}
}

// portsTried bounds the search for a free port above the one asked for.
const portsTried = 200

func listen(arguments []string) error {
	flags := flag.NewFlagSet("listen", flag.ExitOnError)
	addressFile := flags.String("addresses", "", "file that gets one address a line")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	wanted, command := flags.Args(), []string(nil)
	for i, argument := range wanted {
		if argument == "--" {
			wanted, command = wanted[:i], wanted[i+1:]
			break
		}
	}
	if len(command) == 0 {
		return errors.New("listen needs -- and a command")
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	var addresses, sockets []string
	for _, address := range wanted {
		listener, err := listenNear(address)
		if err != nil {
			return err
		}
		file, err := listener.(*net.TCPListener).File()
		if err != nil {
			return err
		}
		// The copy has to survive exec, which Go's own descriptors do not.
		if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, file.Fd(), syscall.F_SETFD, 0); errno != 0 {
			return errno
		}
		addresses = append(addresses, listener.Addr().String()+"\n")
		sockets = append(sockets, strconv.Itoa(int(file.Fd())))
	}
	if err := os.WriteFile(*addressFile, []byte(strings.Join(addresses, "")), 0o644); err != nil {
		return err
	}
	return syscall.Exec(path, command, append(os.Environ(), "PORTAL_SOCKETS="+strings.Join(sockets, " ")))
}

func listenNear(address string) (net.Listener, error) {
	host, first, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(first)
	if err != nil {
		return nil, err
	}
	for offset := range portsTried {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port+offset)))
		if err == nil {
			return listener, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("no free port among the %d from %s", portsTried, address)
}

func forward(arguments []string) error {
	failed := make(chan error)
	for _, argument := range arguments {
		number, target, found := strings.Cut(argument, "=")
		descriptor, err := strconv.Atoi(number)
		if !found || err != nil {
			return fmt.Errorf("%q is not SOCKET=ADDRESS", argument)
		}
		listener, err := net.FileListener(os.NewFile(uintptr(descriptor), target))
		if err != nil {
			return err
		}
		go func() {
			for {
				connection, err := listener.Accept()
				if err != nil {
					failed <- err
					return
				}
				go join(connection, target)
			}
		}()
	}
	return <-failed
}

// join passes bytes both ways; the end of one direction is passed on alone, so
// that a half-closed connection keeps its other half.
func join(outside net.Conn, target string) {
	defer outside.Close()
	inside, err := net.DialTimeout("tcp", target, 5*time.Second)
	if err != nil {
		fmt.Fprintln(os.Stderr, "portal:", err)
		return
	}
	defer inside.Close()
	done := make(chan struct{})
	go func() {
		copyHalf(inside, outside)
		close(done)
	}()
	copyHalf(outside, inside)
	<-done
}

func copyHalf(to, from net.Conn) {
	// An error here is an ended connection; closing the other half says so.
	_, _ = io.Copy(to, from)
	_ = to.(*net.TCPConn).CloseWrite()
}

func ready(arguments []string) error {
	flags := flag.NewFlagSet("ready", flag.ExitOnError)
	ca := flags.String("ca", "", "certificate authority")
	cert := flags.String("cert", "", "client certificate")
	key := flags.String("key", "", "client key")
	timeout := flags.Duration("timeout", 30*time.Second, "give up after this time")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	pem, err := os.ReadFile(*ca)
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(*cert, *key)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{
		Timeout:   2 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}},
	}
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	last := errors.New("no answer")
	for ctx.Err() == nil {
		if last = get(ctx, client, flags.Arg(0)); last == nil {
			return nil
		}
		time.Sleep(25 * time.Millisecond)
	}
	return fmt.Errorf("%s is not ready after %s: %w", flags.Arg(0), *timeout, last)
}

func get(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return err
}

func ports(arguments []string) error {
	if len(arguments) != 1 {
		return errors.New("ports needs a count")
	}
	count, err := strconv.Atoi(arguments[0])
	if err != nil {
		return err
	}
	// All are held until all are found, so that none is given twice.
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer listener.Close()
		fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	}
	return nil
}
