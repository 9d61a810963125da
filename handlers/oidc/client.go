package oidc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Limits on what the provider is asked and answers.
const (
	callTimeout = 5 * time.Second
	dialTimeout = 3 * time.Second
	maxAnswer   = 256 << 10
	maxHeaders  = 32 << 10
)

// client is what all that is asked of a provider goes through.
type client struct{ *http.Client }

func newClient() *client {
	dialer := &net.Dialer{Timeout: dialTimeout, Control: reachable}
	return &client{&http.Client{
		Timeout: callTimeout,
		// A provider answers itself. To follow it elsewhere would take a secret there.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: bounded{&http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: dialTimeout,
			ResponseHeaderTimeout: callTimeout, MaxResponseHeaderBytes: maxHeaders, DisableCompression: true,
			MaxConnsPerHost: atOnce, MaxIdleConns: 4, IdleConnTimeout: time.Minute,
		}},
	}}
}

// context makes the libraries use the client.
func (c *client) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, c.Client)
}

// reachable refuses the addresses that are no provider's: those of a link, where
// machines in the cloud keep their own secrets, and of groups. Networks of one's
// own are where many providers are, and the operator named this one.
func reachable(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := to.Addr().Unmap()
	if ip.IsUnspecified() || ip.IsLinkLocalUnicast() || ip.IsMulticast() {
		return errors.New("oidc: no address of a provider")
	}
	return nil
}

// bounded reads answers whole, up to a bound, whatever their headers say of their
// length: what the libraries do with an error of reading is to keep its text.
type bounded struct{ next http.RoundTripper }

var (
	errTooLong = errors.New("the answer is too long")
	errTrouble = errors.New("the provider has trouble")
)

// RoundTrip is of http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusInternalServerError {
		return nil, fmt.Errorf("%w: status %d", errTrouble, response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxAnswer {
		return nil, errTooLong
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// asked makes an error of ours of one of asking the provider.
func asked(err error) error {
	var call net.Error // those of the client are
	if !errors.Is(err, errTooLong) && (errors.As(err, &call) || errors.Is(err, context.DeadlineExceeded)) {
		return fmt.Errorf("%w: %w", ErrUnreachable, shortened(err))
	}
	return fmt.Errorf("%w: %w", ErrProvider, shortened(err))
}

// shortened is an error whose text may have what the provider answered.
func shortened(err error) error {
	const most = 200
	text := strings.ToValidUTF8(err.Error(), "\uFFFD")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return errors.New(text)
}
