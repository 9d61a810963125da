package mailtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Process is a program of ours that runs until it is stopped, and may be
// started again.
type Process struct {
	path    string
	args    []string
	env     []string
	answers string // address on which it listens once it works

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{}
	said lockedBuffer
}

// stopLimit is how long a program may take to finish what it began.
const stopLimit = 30 * time.Second

func (p *Process) environ() []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent"}, p.env...)
}

// Start returns once the program listens.
func (p *Process) Start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	cmd := exec.Command(p.path, p.args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = p.environ(), &p.said, &p.said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	// For the guard, should the test process be killed.
	if err := os.WriteFile(p.path+".pid", []byte(strconv.Itoa(cmd.Process.Pid)), 0o600); err != nil {
		return errors.Join(err, cmd.Process.Kill())
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		_ = os.Remove(p.path + ".pid")
		close(done)
	}()
	p.cmd, p.done = cmd, done
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-done:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := answers(ctx, p.answers); err != nil {
		return fmt.Errorf("%s: %w\n%s", p.path, err, p.said.String())
	}
	return nil
}

// Stop asks the program to end and waits for it.
func (p *Process) Stop() { p.signal(syscall.SIGTERM) }

// Kill ends the program as a power cut would.
func (p *Process) Kill() { p.signal(syscall.SIGKILL) }

func (p *Process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return
	}
	select {
	case <-p.done:
	case <-time.After(stopLimit):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	p.cmd = nil
}

// Said is what the program wrote, cut at the front.
func (p *Process) Said() string { return p.said.String() }

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(text)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.b.Bytes()
	return string(text[max(0, len(text)-8000):])
}
