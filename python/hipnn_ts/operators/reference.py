"""The operators in plain torch, with which every kernel is compared.

Shapes: ``P`` directed pairs, ``n`` atoms, ``C`` tensor components (1, 4, 9 or 16), ``V``
sensitivities, ``a`` output features. All functions are scriptable.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import linear, softplus


def sensitivities(distances: Tensor, mu: Tensor, sigma: Tensor, cutoff: float) -> Tensor:
    """Radial sensitivities ``exp(-(1/r - 1/mu)^2 sigma^2 / 2) cos^2(pi r / 2R)``, zero beyond R.

    Lubbers, Smith, Barros, J. Chem. Phys. 148, 241715 (2018), eqs. 7 and 8.

    Parameters
    ----------
    distances : Tensor, (P,), Å
    mu, sigma : Tensor, (V,), Å
    cutoff : float, Å

    Returns
    -------
    Tensor, (P, V)
    """
    scaled = (1.0 / distances.unsqueeze(1) - 1.0 / mu) * sigma
    return torch.exp(-0.5 * scaled.square()) * envelopes(distances, cutoff).unsqueeze(1)


def envelopes(distances: Tensor, cutoff: float) -> Tensor:
    """``cos^2(pi r / 2R)`` of distances (P,) in Å, zero beyond R."""
    inside = torch.cos((0.5 * math.pi / cutoff) * distances).square()
    return torch.where(distances < cutoff, inside, torch.zeros_like(inside))


def tensor_components(directions: Tensor, l_max: int) -> Tensor:
    """Independent components of the traceless symmetric tensors of u, in the order
    1 | x y z | xx xy xz yy yz | xxx xxy xxz xyy xyz yyy yyz (the others follow from the vanishing
    traces): 1, u, u uᵀ - I/3, and u_i u_j u_k - (u_i δ_jk + u_j δ_ik + u_k δ_ij) / 5.

    Parameters
    ----------
    directions : Tensor, (P, 3), unit vectors u
    l_max : int, 0 to 3

    Returns
    -------
    Tensor, (P, C)
    """
    x, y, z = directions.unbind(dim=1)
    components = [torch.ones_like(x)]
    if l_max >= 1:
        components += [x, y, z]
    if l_max >= 2:
        third = 1.0 / 3.0
        components += [x * x - third, x * y, x * z, y * y - third, y * z]
    if l_max >= 3:
        xx, yy = x * x - 0.2, y * y - 0.2
        components += [x * (xx - 0.4), xx * y, xx * z, x * yy, x * y * z, y * (yy - 0.4), yy * z]
    return torch.stack(components, dim=1)


def projections(features: Tensor, weights: Tensor) -> Tensor:
    """Features (n, b) contracted with weights (V, a, b), once for each atom: (n, V, a)."""
    n_sensitivities, n_out, n_in = weights.shape
    out = features @ weights.reshape(n_sensitivities * n_out, n_in).t()
    return out.view(features.shape[0], n_sensitivities, n_out)


def moments(
    components: Tensor,
    sensitivities: Tensor,
    projections: Tensor,
    receivers: Tensor,
    senders: Tensor,
    n_receivers: int,
) -> Tensor:
    """Tensor moments ``E_i,c,a = sum_p Y_p,c sum_v s_p,v P_j,v,a`` over the pairs p of receiver i.

    Parameters
    ----------
    components : Tensor, (P, C), Y
    sensitivities : Tensor, (P, V), s
    projections : Tensor, (n, V, a), P: the senders' features contracted with the weights
    receivers, senders : Tensor, (P,), int64
    n_receivers : int, receivers are the first atoms

    Returns
    -------
    Tensor, (n_receivers, C, a)
    """
    messages = torch.einsum("pv,pva->pa", sensitivities, projections.index_select(0, senders))
    spread = components.unsqueeze(2) * messages.unsqueeze(1)
    out = torch.zeros(
        (n_receivers, components.shape[1], projections.shape[2]),
        dtype=projections.dtype,
        device=projections.device,
    )
    return out.index_add(0, receivers, spread)


def invariants(moments: Tensor, scales: Tensor, cusp_regularisation: float) -> Tensor:
    """Scalars ``E0 + sum_l t_l sqrt(|E_l|^2 + eps)`` of the moments.

    Chigaev et al., J. Chem. Phys. 158, 184108 (2023), eqs. 8 to 11.

    Parameters
    ----------
    moments : Tensor, (n, C, a)
    scales : Tensor, (l_max, a), t
    cusp_regularisation : float, eps

    Returns
    -------
    Tensor, (n, a)
    """
    out = moments[:, 0]
    if scales.shape[0] >= 1:
        squares = moments[:, 1:4].square().sum(dim=1)
        out = out + scales[0] * torch.sqrt(squares + cusp_regularisation)
    if scales.shape[0] >= 2:
        # |E2|^2 = xx^2 + yy^2 + (xx + yy)^2 + 2 (xy^2 + xz^2 + yz^2)
        squares = moments[:, 4:9].square().sum(dim=1) + moments[:, 4] * moments[:, 7]
        out = out + scales[1] * torch.sqrt(2.0 * squares + cusp_regularisation)
    if scales.shape[0] >= 3:
        xxx, xxy, xxz, xyy, xyz, yyy, yyz = moments[:, 9:16].unbind(dim=1)
        # |E3|^2 counts each component as often as it occurs in the tensor.
        once = xxx.square() + yyy.square() + (xxz + yyz).square()
        thrice = xxy.square() + xxz.square() + xyy.square() + yyz.square()
        thrice = thrice + (xxx + xyy).square() + (xxy + yyy).square()
        squares = once + 3.0 * thrice + 6.0 * xyz.square()
        out = out + scales[2] * torch.sqrt(squares + cusp_regularisation)
    return out


def polynomials(moments: Tensor, n_max: int) -> Tensor:
    """Polynomial invariants of the moments of at most ``n_max`` factors.

    Allen, Shinkle, Bujack, Lubbers, arXiv:2503.23515, in the order of hippynn 0.1.3: with v, q and
    t the tensors of order 1 to 3, a = q q and b_kl = t_ijk t_ijl,
    E0 | v.v | q:q | tr q^3 | t:t | b:b | v.q.v | |q v|^2 | (v v v):t | v.b.v | b:q | b:a | |t:q|^2.

    Parameters
    ----------
    moments : Tensor, (n, C, a)
    n_max : int, 1 to 4

    Returns
    -------
    Tensor, (n, K, a), as far as C and n_max allow
    """
    n_components = moments.shape[1]
    out = [moments[:, 0]]
    if n_max == 1 or n_components == 1:
        return torch.stack(out, dim=1)
    v = moments[:, 1:4]
    out.append(v.square().sum(dim=1))
    if n_components == 4:
        return torch.stack(out, dim=1)
    q = _matrix(moments)
    a = torch.einsum("nijf,njkf->nikf", q, q)
    qv = torch.einsum("nijf,njf->nif", q, v)
    out.append((q * q).sum(dim=[1, 2]))
    if n_max >= 3:
        out.append((a * q).sum(dim=[1, 2]))
    if n_components == 9:
        if n_max >= 3:
            out.append((qv * v).sum(dim=1))
        if n_max >= 4:
            out.append(qv.square().sum(dim=1))
        return torch.stack(out, dim=1)
    t = _third_order(moments)
    b = torch.einsum("nijkf,nijlf->nklf", t, t)
    out.append((t * t).sum(dim=[1, 2, 3]))
    if n_max >= 4:
        out.append((b * b).sum(dim=[1, 2]))
    if n_max >= 3:
        out.append((qv * v).sum(dim=1))
    if n_max >= 4:
        tv = torch.einsum("nijkf,nkf->nijf", t, v)
        out.append(qv.square().sum(dim=1))
        out.append(torch.einsum("nif,njf,nijf->nf", v, v, tv))
        out.append(torch.einsum("nif,njf,nijf->nf", v, v, b))
    if n_max >= 3:
        out.append((b * q).sum(dim=[1, 2]))
    if n_max >= 4:
        out.append((b * a).sum(dim=[1, 2]))
        out.append(torch.einsum("nijkf,nijf->nkf", t, q).square().sum(dim=1))
    return torch.stack(out, dim=1)


def _matrix(moments: Tensor) -> Tensor:
    """Order 2 with all its entries, (n, 3, 3, a)."""
    xx, xy, xz, yy, yz = moments[:, 4:9].unbind(dim=1)
    entries = torch.stack([xx, xy, xz, xy, yy, yz, xz, yz, -xx - yy], dim=1)
    return entries.view(moments.shape[0], 3, 3, moments.shape[2])


def _third_order(moments: Tensor) -> Tensor:
    """Order 3 with all its entries, (n, 3, 3, 3, a)."""
    xxx, xxy, xxz, xyy, xyz, yyy, yyz = moments[:, 9:16].unbind(dim=1)
    xzz, yzz, zzz = -xxx - xyy, -xxy - yyy, -xxz - yyz
    x = [xxx, xxy, xxz, xxy, xyy, xyz, xxz, xyz, xzz]
    y = [xxy, xyy, xyz, xyy, yyy, yyz, xyz, yyz, yzz]
    z = [xxz, xyz, xzz, xyz, yyz, yzz, xzz, yzz, zzz]
    return torch.stack(x + y + z, dim=1).view(moments.shape[0], 3, 3, 3, moments.shape[2])


def onsite_layers(
    invariants: Tensor, features: Tensor, weights: list[Tensor], residual: bool
) -> Tensor:
    """The on-site layers of a block; the first one takes the invariants.

    Parameters
    ----------
    invariants : Tensor, (n, n_middle)
    features : Tensor, (n, n_in), input features of the block
    weights : list of Tensor
        with residuals W1, b1, W2, b2 of each layer, ``W2 softplus(W1 x + b1) + b2`` past which x
        goes, then R (n_out, n_in) where the first layer changes the width; else W1, b1 of each,
        ``softplus(W1 x + b1)``
    residual : bool

    Returns
    -------
    Tensor, (n, n_out)
    """
    step = 4 if residual else 2
    n_layers = len(weights) // step
    out = features
    for layer in range(n_layers):
        first = step * layer
        hidden = linear(out, weights[first], weights[first + 1])
        hidden = softplus(hidden + invariants if layer == 0 else hidden)
        if residual:
            past = out
            if layer == 0 and len(weights) > step * n_layers:
                past = linear(out, weights[-1])
            hidden = linear(hidden, weights[first + 2], weights[first + 3]) + past
        out = hidden
    return out
