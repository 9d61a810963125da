package oidc

import (
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

// bounded bounds answers, whatever their headers say of their length.
type bounded struct{ next http.RoundTripper }

// RoundTrip is of http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = &boundedBody{response.Body, maxAnswer}
	return response, nil
}

type boundedBody struct {
	io.ReadCloser
	left int
}

var errTooLong = errors.New("oidc: the answer is too long")

func (b *boundedBody) Read(p []byte) (int, error) {
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, errTooLong
	}
	return n, err
}

// asked makes an error of ours of one of asking the provider.
func asked(err error) error {
	if unreachable(err) {
		return fmt.Errorf("%w: %w", ErrUnreachable, shortened(err))
	}
	return fmt.Errorf("%w: %w", ErrProvider, shortened(err))
}

// unreachable says that the provider could not be asked, or did not answer in
// time. The libraries keep only the text of some errors.
func unreachable(err error) bool {
	var network net.Error
	if errors.Is(err, errTooLong) || strings.Contains(err.Error(), errTooLong.Error()) {
		return false
	}
	return errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF) ||
		strings.Contains(err.Error(), context.DeadlineExceeded.Error()) || serverError(err.Error())
}

// serverError recognises the status of a provider that has trouble, which the
// libraries put at the beginning of their text.
func serverError(text string) bool {
	text = strings.TrimPrefix(text, "fetching keys oidc: get keys failed: ")
	return len(text) > 3 && text[0] == '5' && text[3] == ' '
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
