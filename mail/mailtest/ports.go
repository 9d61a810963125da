package mailtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// answers waits until something listens.
func answers(ctx context.Context, address string) error {
	for {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("nothing answers on %s: %w", address, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// FreePorts finds as many ports in a row that nothing listens on.
func FreePorts(n int) (int, error) {
	for range 100 {
		first := 20000 + int(time.Now().UnixNano()/1000)%11000
		if Free(first, n) {
			return first, nil
		}
	}
	return 0, errors.New("no free ports")
}

// Free says that nothing listens on n ports from first on.
func Free(first, n int) bool {
	for port := first; port < first+n; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}
